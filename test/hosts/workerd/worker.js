// For workerd: runs the program and responds with its results. The package imports its WebAssembly modules itself.
import * as softmargin from 'softmargin'
import tiny from 'softmargin/tiny.onnx'
import { spawn } from 'softmargin/worker'
import { program } from '../program.js'

softmargin.useAssets({ 'tiny.onnx': tiny })

export default {
  async fetch() {
    try {
      return Response.json(await program(softmargin, spawn))
    } catch (error) {
      return new Response(error.stack ?? String(error), { status: 500 })
    }
  },
}
