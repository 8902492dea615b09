// The freezer with the network: what is frozen has no link, and the link is there again before anything runs.

import type { Freezer } from './freezer.js'

/** The one link of an environment. */
export interface Link {
  /** Returns at once; it is down a moment later. */
  takeDown(): void
  /** `up` is called when it is up again, at once where it was never down. Calls are answered in their order. */
  bringUp(up: () => void): void
}

/** Processes first at the freeze, last at the thaw: nobody runs who could see the link down. */
export function networkFreezer(processes: Freezer, link: Link): Freezer {
  let frozen = false
  let thawing = false
  let thaws = 0
  return {
    backend: processes.backend,
    escapes: processes.escapes,
    freeze() {
      frozen = true
      processes.freeze()
      link.takeDown()
    },
    thaw() {
      if (!frozen && !thawing) return processes.thaw()
      frozen = false
      thawing = true
      thaws += 1
      const own = thaws
      link.bringUp(() => {
        // Frozen again meanwhile: the thaw that comes for that has its own answer.
        if (frozen || own !== thaws) return
        thawing = false
        processes.thaw()
      })
    },
    state: () => processes.state(),
  }
}
