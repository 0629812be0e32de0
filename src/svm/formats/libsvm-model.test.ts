import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { clouds } from '../../../test/support/clouds.ts'
import { hasProgram } from '../../../test/support/programs.ts'
import { loadFixtures } from '../../../test/support/svm-fixtures.ts'
import type { Label } from '../../core/labels.ts'
import type { Matrix } from '../../core/matrix.ts'
import { SVC } from '../public-svc.ts'
import type { SvcOptions } from '../svc.ts'

const folder = mkdtempSync(join(tmpdir(), 'softmargin-'))
afterAll(() => rmSync(folder, { recursive: true }))
const path = (name: string) => join(folder, name)
const programs = hasProgram('svm-train') && hasProgram('svm-predict')

/** Overlapping clouds with unsorted labels. */
function labelled(rows: number, labels: number[], from: number): { X: Matrix; y: number[] } {
  const { X, codes } = clouds(rows, labels.length, from)
  return { X, y: codes.map((code) => labels[code]) }
}

function dataText({ X, y }: { X: Matrix; y: ArrayLike<Label> }): string {
  return Array.from({ length: X.rows }, (_, i) => {
    const pairs = Array.from(X.row(i), (value, k) => (value === 0 ? '' : ` ${k + 1}:${value}`))
    return `${y[i]}${pairs.join('')}\n`
  }).join('')
}

const kernels: [string, SvcOptions, string[]][] = [
  ['linear', { kernel: 'linear' }, ['-t', '0']],
  [
    'poly',
    { kernel: 'poly', gamma: 0.5, degree: 2, coef0: 1 },
    ['-t', '1', '-g', '0.5', '-d', '2', '-r', '1'],
  ],
  ['rbf', { kernel: 'rbf', gamma: 0.3 }, ['-t', '2', '-g', '0.3']],
  ['sigmoid', { kernel: 'sigmoid', gamma: 0.2, coef0: -0.1 }, ['-t', '3', '-g', '0.2', '-r', '-0.1']],
]
const labelSets = [
  [1, -1],
  [-1, 1],
  [7, 3],
  [2, 0, 1],
  [5, -3, 10, 4, 0],
]

describe.runIf(programs)("LIBSVM's programs and ours, 1,000 rows, the same labels", () => {
  for (const [name, options, flags] of kernels) {
    for (const labels of labelSets) {
      const test = labelled(1000, labels, 1e6)
      it(`${name}, classes ${labels}: svm-predict reads our model`, async () => {
        const { X, y } = labelled(200, labels, 0)
        using svc = await new SVC(options).fit(X, y)
        writeFileSync(path('ours.model'), svc.toLibsvm())
        writeFileSync(path('test'), dataText(test))
        execFileSync('svm-predict', ['-q', path('test'), path('ours.model'), path('answers')])
        expect(await svc.predict(test.X)).toEqual(answers())
      })
      for (const probability of ['0', '1']) {
        it(`${name}, classes ${labels}: we read svm-train's model, -b ${probability}`, async () => {
          writeFileSync(path('train'), dataText(labelled(200, labels, 0)))
          writeFileSync(path('test'), dataText(test))
          execFileSync('svm-train', ['-q', '-b', probability, ...flags, path('train'), path('theirs.model')])
          execFileSync('svm-predict', ['-q', path('test'), path('theirs.model'), path('answers')])
          const text = readFileSync(path('theirs.model'), 'utf8')
          using svc = SVC.fromLibsvm(text)
          expect(svc.classes).toEqual([...labels].sort((a, b) => a - b))
          expect(await svc.predict(test.X)).toEqual(answers())
          if (probability === '1') {
            execFileSync('svm-predict', [
              '-q',
              '-b',
              '1',
              path('test'),
              path('theirs.model'),
              path('answers'),
            ])
            await expectProbabilities(svc, test.X)
          }
          // And back: the same classes in the file's order, and the same sigmoids.
          const again = svc.toLibsvm()
          expect(line(again, 'label')).toEqual(line(text, 'label'))
          expect(line(again, 'nr_sv')).toEqual(line(text, 'nr_sv'))
          for (const name of ['rho', 'probA', 'probB']) {
            expect(line(again, name)?.map(Number)).toEqual(line(text, name)?.map(Number))
          }
          expect(SVC.fromLibsvm(again).toState()).toEqual(svc.toState())
        })
      }
    }
  }

  /**
   * Checks the output file: first the labels in the model's order, then one line per row with the most probable label.
   */
  async function expectProbabilities(svc: SVC, X: Matrix): Promise<void> {
    const [header, ...lines] = readFileSync(path('answers'), 'utf8').trim().split('\n')
    const order = header.split(' ').slice(1).map(Number)
    const ours = await svc.predictProba(X)
    for (const [i, text] of lines.entries()) {
      const theirs = text.split(' ').slice(1).map(Number)
      for (const [c, label] of svc.classes.entries()) {
        expect(Math.abs(ours.row(i)[c] - theirs[order.indexOf(label as number)])).toBeLessThan(1e-4)
      }
    }
  }

  const answers = () => readFileSync(path('answers'), 'utf8').trim().split('\n').map(Number)
  const line = (text: string, name: string) =>
    text
      .split('\n')
      .find((each) => each.startsWith(`${name} `))
      ?.trim()
      .split(' ')
})

describe('LIBSVM model text', () => {
  it('gives the same model back, bit for bit', async () => {
    for (const fixture of loadFixtures().filter(({ classes }) => typeof classes[0] === 'number')) {
      const { options } = fixture.configurations[0]
      using svc = await new SVC(options).fit(fixture.XTrain, fixture.yTrain)
      using again = SVC.fromLibsvm(svc.toLibsvm())
      expect(again.supportVectors.cols).toBe(fixture.XTrain.cols)
      const decisions = await again.decisionFunction(fixture.XTest)
      expect(decisions).toEqual(await svc.decisionFunction(fixture.XTest))
    }
  })

  it('has the requested number of features', async () => {
    const text = sound.join('\n')
    expect(SVC.fromLibsvm(text).supportVectors.cols).toBe(3)
    using wide = SVC.fromLibsvm(text, { columns: 5 })
    expect(await wide.predict([[0.5, 0, 2, 0, 0]])).toEqual([1])
    expect(() => SVC.fromLibsvm(text, { columns: 2 })).toThrow(/columns must be at least 3/)
  })

  it('keeps rows of zeros', () => {
    const text = sound.join('\n').replace('-1 1:-1', '-1')
    expect(Array.from(SVC.fromLibsvm(text).supportVectors.row(0))).toEqual([0, 0, 0])
  })

  it('cannot contain string labels', async () => {
    using svc = await new SVC({ kernel: 'linear' }).fit([[0], [1]], ['no', 'yes'])
    expect(() => svc.toLibsvm()).toThrow(
      expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('"no"') }),
    )
    using halves = await new SVC({ kernel: 'linear' }).fit([[0], [1]], [0.5, 1])
    expect(() => halves.toLibsvm()).toThrow(/0.5/)
  })

  const sound = [
    'svm_type c_svc',
    'kernel_type rbf',
    'gamma 0.5',
    'nr_class 2',
    'total_sv 2',
    'rho 0.25',
    'label 1 -1',
    'nr_sv 1 1',
    'SV',
    '1 1:0.5 3:2 ',
    '-1 1:-1 ',
    '',
  ]

  it.each<[string, string, string, string, string]>([
    ['an unsupported svm_type', 'c_svc', 'epsilon_svr', 'MODEL_UNSUPPORTED', 'epsilon_svr'],
    ['a precomputed kernel', 'rbf', 'precomputed', 'MODEL_UNSUPPORTED', 'precomputed'],
    ['gamma 0', 'gamma 0.5', 'gamma 0', 'MODEL_UNSUPPORTED', 'gamma'],
    ['one class', 'nr_class 2', 'nr_class 1', 'MODEL_UNREADABLE', 'label has 2'],
    ['a billion classes', 'nr_class 2', 'nr_class 1000000000', 'MODEL_UNREADABLE', 'label has 2'],
    ['equal labels', 'label 1 -1', 'label 1 1', 'MODEL_UNREADABLE', 'two of its labels'],
    ['a label that is not an integer', 'label 1 -1', 'label 1 0.5', 'MODEL_UNREADABLE', 'label contains 0.5'],
    ['rho that is not a number', 'rho 0.25', 'rho nan', 'MODEL_UNREADABLE', "rho contains 'nan'"],
    ['rho that is infinite', 'rho 0.25', 'rho 1e999', 'MODEL_UNREADABLE', 'rho contains'],
    ['no rho', 'rho 0.25\n', '', 'MODEL_UNREADABLE', 'rho has 0 numbers'],
    ['a repeated header line', 'gamma 0.5', 'gamma 0.5\ngamma 1', 'MODEL_UNREADABLE', 'line 4 repeats'],
    ['counts that do not add up', 'nr_sv 1 1', 'nr_sv 1 2', 'MODEL_UNREADABLE', 'adds up to 3'],
    ['a count below 0', 'nr_sv 1 1', 'nr_sv 3 -1', 'MODEL_UNREADABLE', 'nr_sv contains -1'],
    ['one vector too many', 'total_sv 2', 'total_sv 1', 'MODEL_UNREADABLE', 'adds up to 2'],
    ['a missing vector', '-1 1:-1 \n', '', 'MODEL_UNREADABLE', '1 of 2 support vectors'],
    ['text after the last vector', '-1 1:-1 \n', '-1 1:-1\n1 1:1', 'MODEL_UNREADABLE', 'text follows the 2'],
    ['indexes that are not ascending', '1:0.5 3:2', '3:0.5 1:2', 'MODEL_UNREADABLE', 'line 10: index 1'],
    ['a repeated index', '1:0.5 3:2', '3:0.5 3:2', 'MODEL_UNREADABLE', 'must ascend'],
    ['index 0', '1:0.5', '0:0.5', 'MODEL_UNREADABLE', 'index 0'],
    ['a gigantic index', '3:2', '2000000000:2', 'OUT_OF_MEMORY', '2000000000 columns'],
    ['an index beyond the safe integers', '3:2', '99999999999999:2', 'MODEL_UNREADABLE', 'not from 1'],
    ['NaN', '3:2', '3:nan', 'MODEL_UNREADABLE', "'3:nan'"],
    ['a number beyond float32', '3:2', '3:1e39', 'MODEL_UNREADABLE', 'not a finite float32'],
    ['no value', '3:2', '3:', 'MODEL_UNREADABLE', "'3:'"],
    ['no coefficient', '\n1 1:0.5', '\n1:0.5', 'MODEL_UNREADABLE', 'not a coefficient'],
    ['no columns', '1:0.5 3:2 \n-1 1:-1', '\n-1', 'MODEL_UNREADABLE', 'no columns'],
    ['no vectors line', 'SV', 'XV', 'MODEL_UNREADABLE', "no line 'SV'"],
    ['something else', 'svm_type', '<html>', 'MODEL_UNREADABLE', 'not svm_type'],
  ])('rejects %s', (_, now, then, code, phrase) => {
    const text = sound.join('\n')
    expect(() => SVC.fromLibsvm(text)).not.toThrow()
    expect(text).toContain(now)
    expect(() => SVC.fromLibsvm(text.replace(now, then))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(phrase) }),
    )
  })

  it('rejects a truncated text', () => {
    const text = sound.join('\n').trimEnd()
    // A text cut after its last complete number may still be valid: '-1 1:-1' cut to '-1' is a row of zeros.
    for (let length = 0; length < text.indexOf('\n-1'); length++) {
      expect(() => SVC.fromLibsvm(text.slice(0, length)), text.slice(0, length)).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^MODEL_/) }),
      )
    }
  })

  it('rejects values that are not strings', () => {
    expect(() => SVC.fromLibsvm(new Uint8Array(3) as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    )
  })
})
