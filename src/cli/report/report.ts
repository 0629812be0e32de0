import { basename } from 'node:path'
import type { Evaluation, Suspect } from '../../classifier/image-classifier.ts'
import { calibrationCurve } from '../../metrics/calibration-curve.ts'
import { auc, rocCurve } from '../../metrics/roc.ts'
import { escapeHtml, page, section } from './html.ts'
import { pictureUrl } from './picture-url.ts'
import { type Line, plot } from './plots.ts'

/** What a report is made of. */
export interface ReportContent {
  title: string
  /** Lines about the training, as text. */
  facts: string[]
  classes: string[]
  /** With details; `undefined` if nothing was held out. */
  evaluation: Evaluation<string> | undefined
  /** The held-out images that could be read, and their labels, in the order of the details. */
  judged: { paths: string[]; labels: string[] }
  /** Training images whose labels may be wrong, with their paths; `undefined` if they were not looked for. */
  suspects: (Suspect<string> & { path: string })[] | undefined
}

/** At most so many pictures are shown of each kind. */
const SHOWN = 60

/** Makes a report as one HTML file that needs no network. Pictures are shrunk and embedded. */
export async function reportHtml(content: ReportContent): Promise<string> {
  const { evaluation, facts, suspects, title } = content
  const sections = [section('Training', facts.map((fact) => `<p>${escapeHtml(fact)}</p>`).join('\n'))]
  if (evaluation) {
    sections.push(accuracySection(evaluation), confusionSection(evaluation), classesSection(evaluation))
    sections.push(rocSection(content, evaluation), calibrationSection(content, evaluation))
    sections.push(await mistakesSection(content, evaluation))
  }
  if (suspects) sections.push(await suspectsSection(suspects))
  return page(title, sections)
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

function accuracySection({
  accuracy,
  accuracyInterval: [low, high],
  images,
  missingClasses,
}: Evaluation): string {
  const missing =
    missingClasses.length === 0
      ? ''
      : `<p>No image of ${escapeHtml(missingClasses.join(', '))} was held out.</p>`
  return section(
    'Accuracy on held-out images',
    `<p class="big">${percent(accuracy)}</p>\n<p class="faint">of ${images} images; ${percent(low)} to ${percent(high)} with 95 % confidence</p>${missing}`,
  )
}

function confusionSection({ confusionMatrix }: Evaluation): string {
  const { labels } = confusionMatrix
  const head = ['true \\ predicted', ...labels.map(String)].map((label) => `<th>${escapeHtml(label)}</th>`)
  const rows = [...confusionMatrix].map((counts, i) => {
    const total = counts.reduce((sum, count) => sum + count, 0) || 1
    const cells = [...counts].map(
      (count) =>
        `<td style="background: rgba(var(--heat), ${((0.75 * count) / total).toFixed(3)})">${count}</td>`,
    )
    return `<tr><th>${escapeHtml(String(labels[i]))}</th>${cells.join('')}</tr>`
  })
  return section(
    'Confusion matrix',
    `<div class="wide"><table>\n<tr>${head.join('')}</tr>\n${rows.join('\n')}\n</table></div>`,
  )
}

function classesSection({ report }: Evaluation): string {
  const head = ['class', 'precision', 'recall', 'F1', 'images'].map((name) => `<th>${name}</th>`).join('')
  const rows = report.classes.map(({ label, precision, recall, f1Score, support }) => {
    const cells = [precision, recall, f1Score].map((value) => `<td>${value.toFixed(3)}</td>`).join('')
    return `<tr><th>${escapeHtml(String(label))}</th>${cells}<td>${support}</td></tr>`
  })
  return section('Classes', `<div class="wide"><table>\n<tr>${head}</tr>\n${rows.join('\n')}\n</table></div>`)
}

/** One curve for each class against all others, by its decision value. */
function rocSection({ classes, judged }: ReportContent, { details }: Evaluation<string>): string {
  const scoreOf = (c: number, row: number) => {
    const values = details!.decisions.row(row)
    if (values.length > 1) return values[c]
    return c === 1 ? values[0] : -values[0]
  }
  const lines: Line[] = []
  for (const [c, name] of classes.entries()) {
    const isOwn = judged.labels.map((label) => label === name)
    // Without images of the class or of others there is no curve.
    if (isOwn.every(Boolean) || !isOwn.some(Boolean)) continue
    const { fpr, tpr } = rocCurve(
      isOwn,
      isOwn.map((_, row) => scoreOf(c, row)),
    )
    lines.push({ name: `${name} (area ${auc(fpr, tpr).toFixed(3)})`, x: fpr, y: tpr })
  }
  const drawn = lines.length === 0 ? '<p>No class can be told from others in the held-out images.</p>' : ''
  const axes = { x: 'share of other images at or above', y: 'share of the class at or above' }
  return section('ROC curves, each class against all others', drawn || plot(lines, axes))
}

function calibrationSection({ judged }: ReportContent, { details }: Evaluation<string>): string {
  const { probabilities, predicted } = details!
  if (!probabilities) {
    return section('Calibration', '<p>Train with <code>--probability</code> for a calibration plot.</p>')
  }
  const confidence = predicted.map((_, row) => Math.min(1, Math.max(...probabilities.row(row))))
  const isRight = predicted.map((label, row) => label === judged.labels[row])
  const { probPred, probTrue } = calibrationCurve(isRight, confidence)
  const axes = { x: 'greatest probability', y: 'share of right labels' }
  return section('Calibration', plot([{ name: 'all', x: probPred, y: probTrue }], axes, true))
}

async function mistakesSection({ judged }: ReportContent, { details }: Evaluation<string>): Promise<string> {
  const { predicted } = details!
  const wrong = predicted.flatMap((label, row) => (label === judged.labels[row] ? [] : [row]))
  const figures = wrong.slice(0, SHOWN).map((row) => {
    const text = `${judged.labels[row]}, predicted ${predicted[row]}`
    return figure(judged.paths[row], text)
  })
  return section(`Mistakes (${wrong.length})`, await pictures(figures, wrong.length))
}

async function suspectsSection(suspects: NonNullable<ReportContent['suspects']>): Promise<string> {
  const figures = suspects
    .slice(0, SHOWN)
    .map(({ path, label, suggested, score }) =>
      figure(path, `${label}, perhaps ${suggested} (${percent(score)})`),
    )
  return section(`Labels that may be wrong (${suspects.length})`, await pictures(figures, suspects.length))
}

async function pictures(figures: Promise<string>[], total: number): Promise<string> {
  if (total === 0) return '<p>None.</p>'
  const rest = total > figures.length ? `<p class="faint">and ${total - figures.length} more</p>` : ''
  return `<div class="pictures">\n${(await Promise.all(figures)).join('\n')}\n</div>${rest}`
}

async function figure(path: string, caption: string): Promise<string> {
  const name = escapeHtml(basename(path))
  return `<figure><img src="${await pictureUrl(path)}" alt="${name}" title="${escapeHtml(path)}"><figcaption>${escapeHtml(caption)}<br>${name}</figcaption></figure>`
}
