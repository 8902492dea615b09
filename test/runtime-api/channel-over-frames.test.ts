// The table of channel.test.ts once more, over the frames of an inherited descriptor.

process.env.TEST_RUNTIME_CHANNEL = 'frames'
await import('./channel.test.js')
