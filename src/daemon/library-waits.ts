// Waits for what the journal tells: records that are there count as well as those that come.

import type { JournalRecord } from '../admin/contract.js'
import type { WaitOptions } from '../admin/library.js'
import type { KernelTimers } from '../clock/clock.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { Journal, JournalEntry } from '../journal/journal.js'

const timeoutMsByDefault = 10_000

export interface WaitParts {
  readonly journal: Journal
  readonly timers: KernelTimers
  /** Returns the way to stop listening. */
  readonly onStopped: (listener: () => void) => () => void
}

export interface RecordWish {
  /** Whether this record is the one. */
  readonly fits: (record: JournalRecord) => boolean
  /** What is waited for, for the error. */
  readonly what: string
}

/** @throws EmulatorError EMU_LIBRARY_USE when it waited in vain. */
export function waitForRecord(
  { journal, timers, onStopped }: WaitParts,
  { fits, what }: RecordWish,
  { after, timeoutMs = timeoutMsByDefault }: WaitOptions,
): Promise<JournalRecord> {
  const isIt = (entry: JournalEntry) => entry.sequence > (after?.sequence ?? 0) && fits(entry)
  return new Promise((resolve, reject) => {
    const found = journal.tail(Number.POSITIVE_INFINITY).find(isIt)
    if (found !== undefined) return resolve(found)
    const end = () => {
      unlisten()
      cancel()
      release()
    }
    const unlisten = journal.listen((entry) => {
      // What `fits` throws is its author's, and ends the wait; it must not end the daemon.
      try {
        if (!isIt(entry)) return
        end()
        resolve(entry)
      } catch (error) {
        end()
        reject(error)
      }
    })
    const giveUp = (why: string) => {
      end()
      reject(inVain(what, why))
    }
    const cancel = timers.after(timeoutMs, () => giveUp(`within ${timeoutMs} ms`))
    const release = onStopped(() => giveUp('before the emulator stopped'))
  })
}

function inVain(what: string, why: string): EmulatorError {
  return new EmulatorError('EMU_LIBRARY_USE', {
    problem: `waited in vain for ${what}: it did not come ${why}`,
    advice: 'journal() shows what did happen; timeoutMs lets waitFor wait longer',
  })
}
