// Trains a classifier on a folder with one sub-folder of pictures per class, and writes it to one file.
//
// deno run --allow-read --allow-write --allow-env --allow-sys train.js <folder> <file.onnx>
import { ImageClassifier, trainTestSplit } from 'softmargin'

const [folder, file] = Deno.args
const paths = []
const labels = []
for (const { name: label } of Deno.readDirSync(folder)) {
  for (const { name } of Deno.readDirSync(`${folder}/${label}`)) {
    paths.push(`${folder}/${label}/${name}`)
    labels.push(label)
  }
}
const [train, test, trainLabels, testLabels] = trainTestSplit(paths, labels, { stratify: true })

const classifier = await ImageClassifier.create()
await classifier.fit(train, trainLabels)
const { accuracy } = await classifier.evaluate(test, testLabels, { add: true })
// What is saved has learnt from the held-out pictures too.
await classifier.refit()
Deno.writeFileSync(file, await classifier.save())
console.log(`hold-out accuracy ${accuracy}`)
