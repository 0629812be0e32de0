// Serves a trained classifier: responds to each posted picture with its label.
//
// bun serve.js <file.onnx> <port>
import { ImageClassifier } from 'softmargin'

const [file, port] = process.argv.slice(2)
const classifier = await ImageClassifier.load(file)

Bun.serve({
  port: Number(port),
  async fetch(request) {
    const [label] = await classifier.predict([await request.arrayBuffer()])
    return Response.json({ label })
  },
})
