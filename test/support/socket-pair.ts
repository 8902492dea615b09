// Two connected stream sockets, as the daemon and a runtime hold them.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from './functions.js'

export async function socketPair(t: Test): Promise<readonly [Socket, Socket]> {
  const server = createServer()
  server.listen(join(temporaryFolder(t), 'pair'))
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[Socket]>
  const near = connect(server.address() as string)
  const [far] = await accepted
  server.close()
  t.teardown(() => {
    near.destroy()
    far.destroy()
  })
  return [near, far]
}
