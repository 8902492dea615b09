// Payloads that are no JSON, and where they stop being so.

import t from 'tap'
import { jsonComplaint } from '../../src/cli/payload.js'

t.test('a payload that is no JSON is told with line and column, or with its byte', async (t) => {
  const table: readonly (readonly [Buffer | string, RegExp])[] = [
    ['', /^it is empty$/],
    [' \n', /^it is blank$/],
    ['{', /\(line 1, column 2\)$/],
    ['{"a":1,}', /\(line 1, column 8\)$/],
    ['{\n  "a": 1\n  "b": 2\n}', /\(line 3, column 3\)$/],
    ["{'a':1}", /\(line 1, column 2\)$/],
    ['\ufeff{}', /^it begins with a byte order mark$/],
    [Buffer.from([0x22, 0xff, 0xfe, 0x22]), /^byte 1 is not UTF-8$/],
    [Buffer.from([0x7b, 0xe2, 0x82]), /^byte \d is not UTF-8$/],
    [Buffer.from('PNG\u0000\u0001'), /\(line 1, column \d\)$/],
  ]
  for (const [payload, complaint] of table) {
    const said = jsonComplaint(Buffer.from(payload))
    t.match(said, complaint, JSON.stringify(payload))
    t.notMatch(said, /\n|undefined/)
  }
})

t.test('good JSON of every kind passes, however large', async (t) => {
  const large = JSON.stringify({ text: 'x'.repeat(5_000_000) })
  for (const payload of ['{}', 'null', '"text"', '0', ' [1, 2] \n', '{"é":"東京"}', large]) {
    t.equal(jsonComplaint(Buffer.from(payload)), undefined)
  }
})
