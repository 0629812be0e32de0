// Reads a data file in batches, in a process of its own: how many rows there were, and how much memory it took.
import { csvBatches, npyBatches, npzBatches, svmlightBatches } from '../../dist/lib/svm.js'

const [path, columns] = process.argv.slice(2)
const readers = {
  npy: () => npyBatches(path),
  npz: () => npzBatches(path, 'X'),
  csv: () => csvBatches(path, { label: 'label' }),
  svmlight: () => svmlightBatches(path, { columns: Number(columns) }),
}
let rows = 0
// What the system tells of a process's largest size may be that of the process that started it.
let most = 0
for await (const batch of readers[path.split('.').at(-1)]()) {
  rows += (batch.X ?? batch).rows
  most = Math.max(most, process.memoryUsage.rss())
}
console.log(JSON.stringify({ rows, most }))
