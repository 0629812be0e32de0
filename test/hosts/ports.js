import { once } from 'node:events'
import { connect, createServer } from 'node:net'

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

/** Waits until a process listens on a port. */
export async function waitForPort(port, child) {
  for (const end = Date.now() + 20_000; !(await isOpen(port)); ) {
    if (Date.now() > end || child.exitCode !== null) throw new Error(`${child.spawnfile} does not listen`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
