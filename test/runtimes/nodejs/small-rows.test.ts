// Rows whose text depends on Node's version or holds paths of ours: matched, not compared. Source: the official clients, measured.

import { getDefaultHighWaterMark } from 'node:stream'
import t from 'tap'
import { runFunction } from './run-function.js'

for (const generation of [3, 4] as const) {
  t.test(`client ${generation}: console.table and group labels go through the patch`, async (t) => {
    const code = `exports.handler = async () => { console.table([{ a: 1 }]); console.group('label'); console.log('inside'); console.groupEnd(); console.time('x') }`
    const { stdout } = await runFunction({ generation, code, events: ['{}'] })
    const lines = stdout.trimEnd().split('\n')
    t.equal(lines.length, 3, 'a line each, and none for console.time')
    t.match(lines[0], /^\S+Z\tid-1\tINFO\t┌[\s\S]*│ \(index\) │ a[\s\S]*└[\s\S]*┘$/)
    t.match(lines[1], /^\S+Z\tid-1\tINFO\tlabel$/)
    t.match(lines[2], /^\S+Z\tid-1\tINFO\tinside$/, 'the indentation of groups is lost')
  })

  t.test(`client ${generation}: a handler name without a file`, async (t) => {
    // It names the task root itself, whose index.js client 3 loads and client 4 does not.
    const code = 'exports.other = 1'
    const run = await runFunction({ generation, code, handler: '.handler', events: [] })
    const [report] = run.reports
    t.equal(report?.path, '/init/error')
    const { errorType, errorMessage } = JSON.parse(String(report?.body))
    if (generation === 3) {
      t.equal(errorType, 'Runtime.HandlerNotFound')
      t.equal(errorMessage, '.handler is undefined or not exported')
    } else {
      t.equal(errorType, 'Error')
      t.match(errorMessage, /^Directory import '.*' is not supported/)
    }
    t.equal(run.ended, generation === 3 ? 'exit 129' : 'exit 1')
  })

  t.test(
    `client ${generation}: the highWaterMark of a stream is not the one asked for`,
    async (t) => {
      const code = `exports.handler = awslambda.streamifyResponse(async (event, stream) => { stream.write(String(stream.writableHighWaterMark)); stream.end() }, { highWaterMark: 1000 })`
      const { reports } = await runFunction({ generation, code, events: ['{}'] })
      t.equal(String(reports[0]?.body), String(getDefaultHighWaterMark(false)), "it is Node's own")
    },
  )
}
