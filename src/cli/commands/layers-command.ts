import type { Command } from 'commander'
import { FeatureExtractor } from '../../cnn/extractor/extractor.ts'
import type { LayerInfo } from '../../cnn/layers/layer-info.ts'
import { printResult, table } from '../common/terminal.ts'

/** Adds the command `layers`: lists the layers of a CNN from which features can be taken. */
export function addLayers(program: Command, signal: AbortSignal): void {
  program
    .command('layers')
    .description('list the layers of a CNN with their shapes and their share of the work')
    .argument('<model>', 'the CNN: tiny, small, or path or URL of an .onnx file')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', '\nExample:\n  softmargin layers tiny')
    .action((model: string, options: { json?: boolean }) => layers(model, options.json === true, signal))
}

async function layers(model: string, json: boolean, signal: AbortSignal): Promise<void> {
  using extractor = await FeatureExtractor.create({ model, signal })
  const found = extractor.layers()
  printResult(json, { model, layers: found }, () => layersText(found))
}

/** Formats one line per layer; marks the default layer and those that end a stage. */
function layersText(layers: LayerInfo[]): string {
  const rows = layers.map(({ name, operator, shape, share, isDefault, endsStage }) => [
    name,
    operator,
    shape?.join(' x ') ?? '?',
    share === undefined ? '?' : `${(100 * share).toFixed(1)} %`,
    isDefault ? 'default' : endsStage ? 'ends a stage' : '',
  ])
  return table([['layer', 'operator', 'shape', 'work', ''], ...rows])
}
