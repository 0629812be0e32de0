// The module that a worker runs: importing it makes the worker serve `spawn`.

import * as Comlink from 'comlink'
import { listenToOwner } from '../host/threads.ts'
import * as library from '../index.ts'
import { ConnectionEnd, readEnvelope } from './endpoint.ts'
import type { ClientSide } from './protocol.ts'
import { Server } from './server.ts'

const connections = new Map<string, ConnectionEnd>()

const post = await listenToOwner((message) => {
  const envelope = readEnvelope(message)
  if (envelope?.kind === 'hello') post({ softmargin: envelope.softmargin, kind: 'ready' }, [])
  if (envelope?.kind !== 'data') return
  let end = connections.get(envelope.softmargin)
  if (!end) {
    end = new ConnectionEnd(envelope.softmargin, post)
    connections.set(envelope.softmargin, end)
    const client = Comlink.wrap<ClientSide>(end) as unknown as ClientSide
    Comlink.expose(new Server(library, client, true), end)
  }
  end.receive(envelope.data)
})
// Who asked before this module ran was not heard.
post({ softmargin: '', kind: 'ready' }, [])
