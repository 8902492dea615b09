// The tables of the Python runtime once more, over the frames of an inherited descriptor: what a function sees and says must be the same.

process.env.TEST_RUNTIME_CHANNEL = 'frames'
await import('./death.test.js')
await import('./errors.test.js')
await import('./init.test.js')
await import('./logging.test.js')
await import('./returns.test.js')
await import('./surroundings.test.js')
