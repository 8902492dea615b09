// The Node.js function that the clients create. The version stands in a file of its own, so that its code can be updated.

import { version } from './version.mjs'

export async function handler(event, context) {
  console.log(`handling ${event.marker}`)
  if (event.action === 'fail') throw new RangeError('as asked')
  if (event.action === 'large') return 'x'.repeat(7 * 1024 * 1024)
  return {
    version,
    marker: event.marker,
    greeting: process.env.GREETING ?? null,
    colour: context.clientContext?.custom?.colour ?? null,
  }
}
