// Which lines of plain output a log in JSON format keeps. Source of the rules: AWS Lambda guide, log level filtering.

import t from 'tap'
import { isKept } from '../../src/logs/application-level.js'

const at = '"timestamp":"2024-11-02T16:51:31.587199Z"'

const lines: readonly (readonly [claim: string, line: string, counts: string])[] = [
  ["the guide's example", `{"level": "debug", "msg": "my debug log", ${at}}`, 'DEBUG'],
  ['a level in capitals', `{"level":"ERROR",${at}}`, 'ERROR'],
  ['the lowest level', `{"level":"trace",${at}}`, 'TRACE'],
  ['the highest', `  {"level":"Fatal",${at}}`, 'FATAL'],
  ['no level', `{"msg":"x",${at}}`, 'INFO'],
  ['an unknown level', `{"level":"loud",${at}}`, 'INFO'],
  ['a level that is no text', `{"level":30,${at}}`, 'INFO'],
  ['no time', '{"level":"error"}', 'INFO'],
  ['a time that is no RFC 3339', '{"level":"error","timestamp":"2024-11-02 16:51"}', 'INFO'],
  ['a time with an offset', '{"level":"warn","timestamp":"2024-11-02T16:51:31+01:00"}', 'WARN'],
  ['a time under another name', '{"level":"warn","time":"2024-11-02T16:51:31Z"}', 'WARN'],
  ["Python's WARNING", `{"level":"WARNING",${at}}`, 'WARN'],
  ["Python's CRITICAL", `{"level":"CRITICAL",${at}}`, 'FATAL'],
]

const levels = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const

t.test('a JSON line counts by its level, and as INFO without a valid level or time', async (t) => {
  for (const [claim, line, counts] of lines) {
    const kept = levels.filter((least) => isKept(line, least))
    t.equal(kept.at(-1), counts, claim)
    t.same(kept, levels.slice(0, kept.length), claim)
  }
})

t.test(
  'lines that are no JSON objects, and embedded metrics, are kept at every level',
  async (t) => {
    const metrics =
      '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["f"]],"Metrics":[{"Name":"m"}]}]},"f":"x","m":1}'
    for (const line of ['plain text', '', '[1]', '"text"', '{"level":"debug"', metrics])
      t.ok(isKept(line, 'FATAL'), line)
  },
)
