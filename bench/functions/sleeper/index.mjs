// Sleeps as long as it is told.

import { setTimeout as sleep } from 'node:timers/promises'

export const handler = async ({ sleepMs }) => {
  await sleep(sleepMs)
  return sleepMs
}
