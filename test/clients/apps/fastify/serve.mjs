// Serves the Fastify application directly on any free port, whose number is its first line.
import { app } from './app.mjs'

await app.listen({ host: '127.0.0.1', port: 0 })
console.log(app.server.address().port)
process.stdin.resume().on('end', () => process.exit())
