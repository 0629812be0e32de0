import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readOutcome } from './browsers.js'
import { installDebian } from './package.js'

const driver = '/usr/bin/WebKitWebDriver'
const browser = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser'

/** WebKitGTK's MiniBrowser, driven over WebDriver on a virtual screen. */
export async function openWebKit() {
  if (!existsSync(driver) || !existsSync('/usr/bin/xvfb-run')) {
    installDebian(['webkit2gtk-driver', 'xvfb', 'xauth'])
  }
  const port = 20_000 + (process.pid % 20_000)
  const child = spawn('xvfb-run', ['-a', driver, `--port=${port}`], { stdio: 'ignore', detached: true })
  const send = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {}),
    })
    const { value } = await response.json()
    if (value?.error) throw new Error(`${value.error}: ${value.message}`)
    return value
  }
  const close = () => {
    try {
      process.kill(-child.pid)
    } catch {
      // It has already ended.
    }
  }
  try {
    await listening(() => send('GET', '/status'))
    const options = { binary: browser, args: ['--automation'] }
    const { sessionId, capabilities } = await send('POST', '/session', {
      capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': options } },
    })
    const session = `/session/${sessionId}`
    const script = { script: 'return window.outcome ?? null', args: [] }
    return {
      version: capabilities.browserVersion,
      async outcomeOf(url) {
        await send('POST', `${session}/url`, { url })
        return readOutcome(() => send('POST', `${session}/execute/sync`, script))
      },
      async close() {
        await send('DELETE', session).catch(() => {})
        close()
      },
    }
  } catch (error) {
    close()
    throw error
  }
}

async function listening(ask) {
  const end = Date.now() + 20_000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (Date.now() > end) throw error
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}
