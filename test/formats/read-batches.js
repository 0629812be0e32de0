// Reads a data file in batches in a separate process, and prints the number of rows and the memory used.
import { csvBatches, npyBatches, npzBatches, svmlightBatches } from '../../dist/lib/svm.js'

const [path, columns] = process.argv.slice(2)
const readers = {
  npy: () => npyBatches(path),
  npz: () => npzBatches(path, 'X'),
  csv: () => csvBatches(path, { label: 'label' }),
  svmlight: () => svmlightBatches(path, { columns: Number(columns) }),
}
let rows = 0
// The maximum that the system reports for a process may be that of its parent.
let most = 0
for await (const batch of readers[path.split('.').at(-1)]()) {
  rows += (batch.X ?? batch).rows
  most = Math.max(most, process.memoryUsage.rss())
}
console.log(JSON.stringify({ rows, most }))
