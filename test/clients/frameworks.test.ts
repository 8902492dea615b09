// Express, FastAPI and Fastify answer the corpus through both kinds of API as they do directly, but for the written differences.

import t from 'tap'
import { differences } from './frameworks/compare.js'
import { corpus } from './frameworks/corpus.js'
import { differenceTable } from './frameworks/difference-table.js'
import { Explained } from './frameworks/differences.js'
import { type DoorName, frameworks, openDoors, send } from './frameworks/doors.js'

// Only against hanging.
t.setTimeout(400_000)

t.test('the corpus has at least 200 requests, each with a name of its own', async (t) => {
  t.ok(corpus.length >= 200, `${corpus.length} requests`)
  t.equal(new Set(corpus.map(({ name }) => name)).size, corpus.length)
})

t.test('every written difference is told in full', async (t) => {
  for (const { facet, why } of differenceTable) t.match(why, /^[A-Z].{20,}\.$/, facet)
})

const explained = new Explained()

for (const framework of frameworks) {
  t.test(`${framework} answers alike, directly and on Lambda`, async (t) => {
    const doors = await openDoors(t, framework)
    const names: readonly DoorName[] = ['rest', 'http']
    for (const request of corpus) {
      const [direct, ...others] = await Promise.all([
        send(doors.direct, request),
        ...names.map((name) => send(doors[name], request)),
      ])
      for (const [index, answer] of others.entries()) {
        const door = names[index] as DoorName
        const found = differences(
          { door: doors.direct, answer: direct },
          { door: doors[door], answer },
        )
        const unexplained = found.filter(
          ({ facet }) => !explained.has({ framework, door, request, facet }),
        )
        t.same(unexplained, [], `${door} · ${request.name}`)
      }
    }
  })
}

t.test('every written difference occurs wherever it is written to', async (t) => {
  t.same(explained.missing(), [])
})
