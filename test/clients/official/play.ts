// Plays the behaviour table on one official client, in every mode.

import t from 'tap'
import { type ClientName, officialClients } from './clients.js'
import { type Row, rows } from './rows.js'
import { modes, startWorld } from './world.js'

/** Registers the tests of a client. */
export function playTable(name: ClientName): void {
  const client = officialClients[name]
  const { streaming } = client
  const played = rows.filter((row) => row.streams === undefined || streaming !== undefined)
  const settingsOf = ({ settings, streams }: Row) => ({
    ...settings,
    ...(streams && streaming !== undefined ? { handler: streaming.handler } : {}),
  })
  for (const mode of modes) {
    t.test(`${client.title} ${mode.name}`, { timeout: 200_000 }, async (t) => {
      const functions = Object.fromEntries(played.map((row) => [row.name, settingsOf(row)]))
      const world = await startWorld(t, client, mode, functions)
      t.match(world.emu.emulator.status().sandbox, mode.status)
      for (const row of played) await t.test(row.claim, (t) => row.play(t, world))
    })
  }
}
