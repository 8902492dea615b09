// Serves the Express application directly on any free port, whose number is its first line.
import { app } from './app.mjs'

const server = app.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.resume().on('end', () => process.exit())
