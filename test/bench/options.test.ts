// The command line of the bench.

import t from 'tap'
import { readOptions } from '../../bench/options.js'
import { rowNames } from '../../bench/rows.js'

t.test('everything five times, unless something else is asked for', async (t) => {
  t.same(readOptions([]), { rows: rowNames, rounds: 5, json: false, smoke: false, output: 'json' })
  t.match(readOptions(['--smoke', '--json']), { rounds: 1, smoke: true, json: true })
  t.match(readOptions(['--rounds', '9', '--output', 'text']), { rounds: 9, output: 'text' })
})

t.test('rows come in the order of the table, each once', async (t) => {
  const { rows } = readOptions(['--only', 'start,warm-node,start'])
  t.same(rows, ['warm-node', 'start'])
})

t.test('what cannot be meant is refused in a sentence', async (t) => {
  const table: [string[], RegExp][] = [
    [['--only', 'warm-node,warm-nodes'], /^there is no row warm-nodes$/],
    [['--rounds', '0'], /^--rounds 0 is not a number from 1 to 999$/],
    [['--rounds', '1.5'], /^--rounds 1\.5 is not a number/],
    [['--smoke', '--rounds', '2'], /^--smoke has one round$/],
    [['--output', 'xml'], /^--output xml is not one of json, text, quiet$/],
    [['--quick'], /--quick/],
    [['warm-node'], /warm-node/],
  ]
  for (const [args, says] of table) t.throws(() => readOptions(args), { message: says })
})
