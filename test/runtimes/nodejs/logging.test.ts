// The console in text and in JSON, levels, and the framed log descriptor. Source:
// the official clients, measured.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startMockRuntimeApi } from './mock-runtime-api.js'
import { runtimeFolder } from './run-function.js'
import { checkRows, type Row } from './table.js'

const logging = (body: string) => `exports.handler = async () => { ${body} }`
const json = { AWS_LAMBDA_LOG_FORMAT: 'JSON' }
const line = (level: string, text: string) => `TS\tid-1\t${level}\t${text}`
const jsonLine = (level: string, rest: string) =>
  `{"timestamp":"TS","level":"${level}","requestId":"id-1"${rest}}`
const frame = '    at exports.handler (<task>/index.js:1)'

const text: readonly Row[] = [
  {
    name: 'every method has its level and goes to stdout',
    code: logging(
      `console.log('a'); console.info('b'); console.warn('c'); console.error('d'); console.debug('e'); console.trace('f'); console.fatal('g')`,
    ),
    both: {
      stdout: [
        line('INFO', 'a'),
        line('INFO', 'b'),
        line('WARN', 'c'),
        line('ERROR', 'd'),
        line('DEBUG', 'e'),
        line('TRACE', 'f'),
        line('FATAL', 'g'),
      ],
    },
  },
  {
    name: 'before the first event the id is `undefined` or `-`',
    code: `console.log('init'); exports.handler = async () => 1`,
    g3: { stdout: ['TS\tundefined\tINFO\tinit'] },
    g4: { stdout: ['TS\t-\tINFO\tinit'] },
  },
  {
    name: 'line feeds become carriage returns',
    code: logging(`console.log('a\\nb\\r\\nc')`),
    both: { stdout: [line('INFO', 'a\rb\r\rc')] },
  },
  {
    name: 'objects are formatted to depth 2',
    code: logging('console.log({ a: { b: { c: { d: 1 } } }, arr: [1, 2] })'),
    both: { stdout: [line('INFO', '{ a: { b: { c: [Object] } }, arr: [ 1, 2 ] }')] },
  },
  {
    name: 'no argument is `undefined`, an empty text is empty',
    code: logging(`console.log(); console.log(''); console.log(undefined)`),
    both: { stdout: [line('INFO', 'undefined'), line('INFO', ''), line('INFO', 'undefined')] },
  },
  {
    name: 'format letters are applied',
    code: logging(`console.log('%s is %d', 'x', 5, { y: 1 })`),
    both: { stdout: [line('INFO', 'x is 5 { y: 1 }')] },
  },
  {
    name: 'an error is its stack on one line',
    code: logging(`console.log(new Error('le'))`),
    both: { stdout: [line('INFO', `Error: le\r${frame}`)] },
  },
  {
    name: 'assert and group labels go through, dir and raw writes go past',
    code: logging(
      `console.assert(false, 'as'); console.group('label'); console.groupEnd(); console.dir({ x: 1 }); process.stdout.write('raw\\n')`,
    ),
    both: {
      stdout: [line('WARN', 'Assertion failed: as'), line('INFO', 'label'), '{ x: 1 }', 'raw'],
    },
  },
  {
    name: 'AWS_LAMBDA_LOG_LEVEL filters, whatever its case; FATAL and raw writes pass',
    code: logging(
      `console.info('i'); console.warn('w'); console.error('e'); console.fatal('f'); process.stdout.write('raw\\n')`,
    ),
    env: { AWS_LAMBDA_LOG_LEVEL: 'error' },
    both: { stdout: [line('ERROR', 'e'), line('FATAL', 'f'), 'raw'] },
  },
]

const structured: readonly Row[] = [
  {
    name: 'one text',
    code: logging(`console.log('s')`),
    both: { stdout: [jsonLine('INFO', ',"message":"s"')] },
  },
  {
    name: 'before the first event there is no id, or `-`',
    code: `console.log('init'); exports.handler = async () => 1`,
    g3: { stdout: ['{"timestamp":"TS","level":"INFO","message":"init"}'] },
    g4: { stdout: ['{"timestamp":"TS","level":"INFO","requestId":"-","message":"init"}'] },
  },
  {
    name: 'one object stays an object, at any depth',
    code: logging('console.log({ a: { b: { c: { d: 1 } } }, arr: [1, 2] })'),
    both: { stdout: [jsonLine('INFO', ',"message":{"a":{"b":{"c":{"d":1}}},"arr":[1,2]}')] },
  },
  {
    name: 'several arguments are formatted into a text',
    code: logging(`console.log('a', 'b', { x: 1 })`),
    both: { stdout: [jsonLine('INFO', ',"message":"a b { x: 1 }"')] },
  },
  {
    name: 'one error is an object with its own fields',
    code: logging(`console.error(Object.assign(new TypeError('le'), { extra: 1 }))`),
    both: {
      stdout: [
        jsonLine(
          'ERROR',
          `,"message":{"errorType":"TypeError","errorMessage":"le","stackTrace":["TypeError: le","${frame}"],"extra":1}`,
        ),
      ],
    },
  },
  {
    name: 'a text and an error',
    code: logging(`console.error('msg', new TypeError('te'))`),
    both: {
      stdout: [
        jsonLine(
          'ERROR',
          `,"message":"msg TypeError: te\\n${frame}","errorType":"TypeError","errorMessage":"te","stackTrace":["TypeError: te","${frame}"]`,
        ),
      ],
    },
  },
  {
    name: 'undefined and a symbol have no message, null and the rest do',
    code: logging(
      `console.log(undefined); console.log(Symbol('x')); console.log(); console.log(null); console.log(1n); const o = {}; o.o = o; console.log(o); console.log(new Map([[1, 2]]))`,
    ),
    both: {
      stdout: [
        jsonLine('INFO', ''),
        jsonLine('INFO', ''),
        jsonLine('INFO', ''),
        jsonLine('INFO', ',"message":null'),
        jsonLine('INFO', ',"message":"1n"'),
        jsonLine('INFO', ',"message":"<ref *1> { o: [Circular *1] }"'),
        jsonLine('INFO', ',"message":{}'),
      ],
    },
  },
  {
    name: 'a failed event',
    code: logging(`throw Object.assign(new TypeError('jt'), { extra: 1 })`),
    both: {
      stdout: [
        jsonLine(
          'ERROR',
          `,"message":{"errorType":"TypeError","errorMessage":"jt","stackTrace":["TypeError: jt","${frame}"],"extra":1}`,
        ),
      ],
    },
  },
  {
    name: 'the tenant is named by client 3 only',
    code: `exports.handler = async (event, context) => console.log(context.tenantId)`,
    events: [{ body: '{}', headers: { 'Lambda-Runtime-Aws-Tenant-Id': 'tenA' } }],
    g3: { stdout: [jsonLine('INFO', ',"tenantId":"tenA","message":"tenA"')] },
    g4: { stdout: [jsonLine('INFO', ',"message":"tenA"')] },
  },
  {
    name: 'the format is recognised in any case',
    code: logging(`console.log('s')`),
    env: { AWS_LAMBDA_LOG_FORMAT: 'json' },
    both: { stdout: [jsonLine('INFO', ',"message":"s"')] },
  },
]

t.test('text', async (group) => {
  checkRows(
    group,
    text.map((row) => ({ events: ['{}'], ...row })),
  )
  checkRows(group, [
    {
      name: 'a late timer is tagged with the event that runs',
      code: `exports.handler = async (event) => {
        if (!event.first) return new Promise((resolve) => { globalThis.second = resolve })
        const timer = setInterval(() => { if (globalThis.second) { clearInterval(timer); console.log('late'); globalThis.second() } }, 1)
      }`,
      events: ['{"first":true}', '{}'],
      both: { stdout: ['TS\tid-2\tINFO\tlate'] },
    },
  ])
})
t.test('JSON', async (group) => {
  checkRows(
    group,
    structured.map((row) => ({ events: ['{}'], env: json, ...row })),
  )
})

interface Frame {
  readonly type: number
  readonly timeUs: bigint
  readonly message: string
}

function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4)
    frames.push({
      type: bytes.readUInt32BE(at),
      timeUs: bytes.readBigUInt64BE(at + 8),
      message: bytes.toString('utf8', at + 16, at + 16 + length),
    })
    at += 16 + length
  }
  return frames
}

async function framesWith(generation: 3 | 4, format: string) {
  const api = await startMockRuntimeApi()
  const taskRoot = mkdtempSync(join(tmpdir(), 'node-runtime-'))
  writeFileSync(
    join(taskRoot, 'index.js'),
    `exports.handler = async () => { console.log('a\\né'); console.error('b'); return Object.keys(process.env).filter((name) => name.startsWith('_LAMBDA')) }`,
  )
  const child = spawn(process.execPath, [join(runtimeFolder, 'bootstrap.cjs')], {
    cwd: taskRoot,
    env: {
      AWS_LAMBDA_RUNTIME_API: api.address,
      _HANDLER: 'index.handler',
      LAMBDA_TASK_ROOT: taskRoot,
      AWS_EXECUTION_ENV: generation === 3 ? 'AWS_Lambda_nodejs20.x' : 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: 'f',
      AWS_LAMBDA_FUNCTION_VERSION: '1',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_LOG_GROUP_NAME: 'g',
      AWS_LAMBDA_LOG_STREAM_NAME: 's',
      AWS_LAMBDA_LOG_FORMAT: format,
      _LAMBDA_TELEMETRY_LOG_FD: '3',
    },
    stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
  })
  const parts: Buffer[] = []
  let stdout = ''
  child.stdio[3]?.on('data', (part: Buffer) => parts.push(part))
  child.stdout?.on('data', (part: Buffer) => {
    stdout += part
  })
  api.give({ body: '{}' })
  await api.nextAsked(2)
  child.kill('SIGKILL')
  await once(child, 'close')
  await api.close()
  rmSync(taskRoot, { recursive: true })
  const visible = JSON.parse(String(api.reports[0]?.body))
  return { frames: framesOf(Buffer.concat(parts)), stdout, visible }
}

for (const generation of [3, 4] as const) {
  t.test(
    `client ${generation}: text frames keep line feeds and name type, level and time`,
    async (test) => {
      const beforeUs = BigInt(Date.now()) * 1000n
      const { frames, stdout, visible } = await framesWith(generation, 'Text')
      test.equal(stdout, '')
      test.same(visible, [])
      test.same(
        frames.map((frame) => frame.type.toString(16)),
        ['a55a000f', 'a55a0017'],
      )
      test.match(frames[0]?.message, /^\S+Z\tid-1\tINFO\ta\né\n$/)
      test.ok((frames[0]?.timeUs ?? 0n) >= beforeUs)
    },
  )

  t.test(`client ${generation}: JSON frames have their own type and no line end`, async (test) => {
    const { frames } = await framesWith(generation, 'JSON')
    test.same(
      frames.map((frame) => frame.type.toString(16)),
      ['a55a000e', 'a55a0016'],
    )
    test.equal(JSON.parse(frames[0]?.message ?? '').message, 'a\né')
    test.match(frames[0]?.message, /\}$/)
  })
}
