// Deaths and streams over frames where Node's own handles are not to be used: the same, through a socket of node:net.

process.env.TEST_RUNTIME_CHANNEL = 'frames-by-net'
await import('./death.test.js')
await import('./streaming.test.js')
