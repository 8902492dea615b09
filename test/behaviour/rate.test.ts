// A streamed response at the rate of a profile that has one: by a real function and a real client.

import { InvokeWithResponseStreamCommand } from '@aws-sdk/client-lambda'
import t from 'tap'
import { startWith } from '../support/in-process.js'
import { lambdaClient } from '../support/lambda-client.js'

const source = `
const piece = Buffer.alloc(50_000, 120)
exports.handler = awslambda.streamifyResponse(async ({ bytes }, stream) => {
  for (let sent = 0; sent < bytes; sent += piece.length) stream.write(piece)
  stream.end()
})`

t.test('a stream lasts as long as its rate says, and loses nothing', async (t) => {
  const value = { freeBytes: 500_000, bytesPerSecond: 1_000_000 }
  const streamRate = { value, source: 'this test', mark: 'chosen' } as const
  for (const runtimeChannel of ['frames', 'http'] as const) {
    const options = { runtimeChannel, figures: { streamRate } }
    const emu = await startWith(t, { stream: { files: { 'index.js': source } } }, options)
    const lambda = lambdaClient(t, emu.emulator.lambdaUrl)
    const read = async (bytes: number) => {
      const Payload = Buffer.from(JSON.stringify({ bytes }))
      const command = new InvokeWithResponseStreamCommand({ FunctionName: 'stream', Payload })
      const fromMs = performance.now()
      const { EventStream = [] } = await lambda.send(command)
      let read = 0
      for await (const { PayloadChunk } of EventStream) read += PayloadChunk?.Payload?.length ?? 0
      t.equal(read, bytes, `${runtimeChannel}: ${bytes} bytes`)
      return performance.now() - fromMs
    }
    await read(400_000)
    const tookMs = await read(1_200_000)
    // 700,000 bytes at 1 MB/s, of which the last piece that is read, 128 KiB at most, waits for nobody.
    t.ok(tookMs >= 700 - 131.072, `${runtimeChannel}: it took ${tookMs.toFixed(0)} ms`)
  }
})
