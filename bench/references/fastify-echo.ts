// A reference: fastify as it comes, answering a POST with its JSON body. Tells its port to its parent.

import type { AddressInfo } from 'node:net'
import fastify from 'fastify'

const app = fastify()
app.post('/*', async (request) => request.body)
await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ port: (app.server.address() as AddressInfo).port })
process.on('disconnect', () => process.exit())
