// The log pipe with real FIFOs and real writers: every byte arrives once, in order, with the marks where they were written.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createLogPipes, type LogPipe } from '../../src/sandbox/log-pipe.js'
import { encodeMark, MarkSplitter } from '../../src/sandbox/mark-splitter.js'
import { newToken, temporaryFolder, until } from './real-sandbox.js'

type Piece = { data: string } | { mark: string }

function collect(pieces: Piece[]) {
  return {
    onData(bytes: Buffer) {
      const last = pieces.at(-1)
      if (last !== undefined && 'data' in last) last.data += bytes.toString('latin1')
      else pieces.push({ data: bytes.toString('latin1') })
    },
    onMark: (mark: string) => {
      pieces.push({ mark })
    },
  }
}

async function arrangePipe(t: Test): Promise<LogPipe> {
  const stateDirectory = temporaryFolder(t)
  const pipes = createLogPipes({ stateDirectory, newToken, batch: 2 })
  const pipe = await pipes.open()
  t.teardown(async () => {
    pipe.close()
    await pipes.close()
    const left = readdirSync(join(stateDirectory, 'pipes'))
    if (left.length > 0) throw new Error(`left: ${left.join()}`)
  })
  return pipe
}

t.test('marks come out of the stream wherever the chunks are cut', async (t) => {
  const token = newToken()
  const bytes = Buffer.concat([
    encodeMark(token, 'first'),
    Buffer.from('text without newline'),
    encodeMark(token, 'second'),
    encodeMark(token, 'third'),
    Buffer.from('\0\0c0f\0fe tail\n\0'),
  ])
  const wanted: Piece[] = [
    { mark: 'first' },
    { data: 'text without newline' },
    { mark: 'second' },
    { mark: 'third' },
    { data: '\0\0c0f\0fe tail\n\0' },
  ]
  for (let size = 1; size <= bytes.length; size++) {
    const pieces: Piece[] = []
    const splitter = new MarkSplitter(token, collect(pieces))
    for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size))
    splitter.end()
    t.same(pieces, wanted, `chunks of ${size}`)
  }
})

t.test('ordinary text is handed on at once, never held back', async (t) => {
  const pieces: Piece[] = []
  new MarkSplitter(newToken(), collect(pieces)).push(Buffer.from('c0ff'))
  t.same(pieces, [{ data: 'c0ff' }])
})

t.test('one byte arrives, and the mark after it', async (t) => {
  const pipe = await arrangePipe(t)
  const pieces: Piece[] = []
  const { onData, onMark } = collect(pieces)
  pipe.onMark(onMark)
  pipe.onData(onData)
  writeSync(pipe.childFd, 'x')
  pipe.mark('request-1')
  await until('the mark', () => pieces.length === 2)
  t.same(pieces, [{ data: 'x' }, { mark: 'request-1' }])
})

t.test('50 MB pass with the exact count and bounded memory, with marks in between', async (t) => {
  const pipe = await arrangePipe(t)
  const bytesWanted = 50 * 1024 * 1024
  let bytes = 0
  let wrong = 0
  let rssMax = 0
  let marks = 0
  const rssBefore = process.memoryUsage.rss()
  pipe.onMark(() => {
    marks += 1
  })
  pipe.onData((chunk) => {
    if (chunk[0] !== 0x61 || chunk[chunk.length - 1] !== 0x61) wrong += 1
    bytes += chunk.length
    rssMax = Math.max(rssMax, process.memoryUsage.rss())
    if (bytes % 5 === 0) pipe.mark(`at ${bytes}`)
  })
  const script = `import os
block = b'a' * 65536
for i in range(800): os.write(1, block)`
  const child = spawn('python3', ['-c', script], { stdio: ['ignore', pipe.childFd, 2] })
  t.same(await once(child, 'exit'), [0, null])
  let ended = false
  pipe.onMark(() => {
    ended = true
  })
  const marksBefore = marks
  pipe.mark('end')
  await until('the last mark', () => ended && bytes === bytesWanted)
  t.equal(bytes, bytesWanted)
  t.equal(wrong, 0)
  t.ok(marksBefore > 0, 'marks came through the storm')
  const grownMb = (rssMax - rssBefore) / 1024 / 1024
  t.ok(grownMb < 100, `resident memory grew by ${grownMb} MB`)
})

t.test('a mark set while the pipe is full comes behind all that filled it', async (t) => {
  const pipe = await arrangePipe(t)
  const child = spawn('python3', ['-c', 'import os; os.write(1, b"z" * 200000)'], {
    stdio: ['ignore', pipe.childFd, 2],
  })
  const pieces: Piece[] = []
  const { onData, onMark } = collect(pieces)
  await until('the writer waits', () => pipeIsFull(child.pid))
  pipe.mark('one')
  pipe.mark('two')
  pipe.onMark(onMark)
  pipe.onData(onData)
  await once(child, 'exit')
  await until('both marks', () => pieces.filter((piece) => 'mark' in piece).length === 2)
  pipe.mark('three')
  await until('the third', () => pieces.filter((piece) => 'mark' in piece).length === 3)
  const data = pieces.map((piece) => ('data' in piece ? piece.data : '')).join('')
  t.equal(data, 'z'.repeat(200_000))
  const first = pieces[0]
  t.ok(first !== undefined && 'data' in first && first.data.length >= 65_536)
  t.same(
    pieces.flatMap((piece) => ('mark' in piece ? [piece.mark] : [])),
    ['one', 'two', 'three'],
  )
})

t.test('close hands over what is still in the pipe', async (t) => {
  const pipe = await arrangePipe(t)
  const pieces: Piece[] = []
  const { onData, onMark } = collect(pieces)
  pipe.onMark(onMark)
  pipe.onData(onData)
  writeSync(pipe.childFd, 'last words')
  pipe.mark('end')
  pipe.close()
  pipe.close()
  t.same(pieces, [{ data: 'last words' }, { mark: 'end' }])
})

t.test('a paused pipe makes the writer wait and loses nothing', async (t) => {
  const pipe = await arrangePipe(t)
  let bytes = 0
  pipe.onData((chunk) => {
    bytes += chunk.length
  })
  pipe.pause()
  const child = spawn('python3', ['-c', 'import os; os.write(1, b"z" * 300000)'], {
    stdio: ['ignore', pipe.childFd, 2],
  })
  await until('the writer waits', () => pipeIsFull(child.pid))
  t.ok(bytes < 300_000)
  pipe.resume()
  await once(child, 'exit')
  await until('all of it', () => bytes === 300_000)
})

t.test('many pipes are made in batches, each of its own', async (t) => {
  const stateDirectory = temporaryFolder(t)
  const pipes = createLogPipes({ stateDirectory, newToken, batch: 3 })
  const open = await Promise.all(Array.from({ length: 10 }, () => pipes.open()))
  const texts = open.map(() => '')
  for (const [index, pipe] of open.entries()) {
    pipe.onData((bytes) => {
      texts[index] += bytes.toString()
    })
    writeSync(pipe.childFd, `pipe ${index}`)
  }
  for (const pipe of open) pipe.close()
  t.same(
    texts,
    open.map((_, index) => `pipe ${index}`),
  )
  await pipes.close()
  t.same(readdirSync(join(stateDirectory, 'pipes')), [])
})

t.test('where no FIFO can be made the state directory is to blame', async (t) => {
  const stateDirectory = join(temporaryFolder(t), 'file')
  writeFileSync(stateDirectory, '')
  const pipes = createLogPipes({ stateDirectory, newToken })
  await t.rejects(pipes.open(), { code: 'EMU_STATE_DIRECTORY' })
  await pipes.close()
})

/** The writer sleeps in its write: nothing more fits. */
function pipeIsFull(pid: number | undefined): boolean {
  return readFileSync(`/proc/${pid}/wchan`, 'latin1').includes('pipe_write')
}
