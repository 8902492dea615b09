// What `start` tells while it runs: gathered for a moment and written at once, since a write for each line costs more than an invocation.

import type { Output, Terminal } from './terminal.js'

/** A figure of ours: too short to be seen by a person, long enough for some ten invocations. */
const gatheredMs = 8
/** A storm of output is written earlier, so that it does not lie in memory. */
const gatheredMax = 256
const gatheredCharactersMax = 65_536

export interface RunningAccount<Item> {
  /** `item` must not change any more. @param characters how long its text will be, where that can be much */
  tell(item: Item, characters?: number): void
  /** Writes what has been gathered so far. */
  flush(): void
}

/** @param textOf What an item reads like, each line with its end; called when it is written, in order. */
export function createRunningAccount<Item>(
  output: Output,
  { pause }: Pick<Terminal, 'pause'>,
  textOf: (item: Item) => string,
): RunningAccount<Item> {
  let gathered: Item[] = []
  let gatheredCharacters = 0
  let waiting = false
  const flush = () => {
    const due = gathered
    gathered = []
    gatheredCharacters = 0
    let text = ''
    for (const item of due) text += textOf(item)
    if (text !== '') output.write(text)
  }
  return {
    flush,
    tell(item, characters = 0) {
      gathered.push(item)
      gatheredCharacters += characters
      if (gathered.length >= gatheredMax || gatheredCharacters >= gatheredCharactersMax)
        return flush()
      if (waiting) return
      waiting = true
      void pause(gatheredMs).then(() => {
        waiting = false
        flush()
      })
    },
  }
}
