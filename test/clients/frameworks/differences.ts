// Looks up what is otherwise behind API Gateway than served directly, and which lines of the written list were needed.

import { type CorpusRequest, classOf } from './corpus.js'
import { differenceTable } from './difference-table.js'
import { type DoorName, type Framework, frameworks } from './doors.js'

export interface WrittenDifference {
  /** As compare.ts names it. */
  readonly facet: string
  /** Classes of the corpus, or single requests by their whole name; missing: any request. */
  readonly requests?: readonly string[]
  /** Missing: all. */
  readonly frameworks?: readonly Framework[]
  /** Missing: both. */
  readonly doors?: readonly DoorName[]
  /** A sentence: AWS's reason or the adapter's. */
  readonly why: string
}

export interface Occurrence {
  readonly framework: Framework
  readonly door: DoorName
  readonly request: CorpusRequest
  readonly facet: string
}

/** Looks differences up in the table, and knows which lines of it were needed. */
export class Explained {
  readonly #seen = new Set<string>()

  /** Whether the table has it. */
  has(occurrence: Occurrence): boolean {
    const rows = differenceTable.filter((row) => fits(row, occurrence))
    for (const row of rows) {
      for (const place of placesOf(row)) {
        if (isPlace(place, occurrence)) this.#seen.add(nameOf(row, place))
      }
    }
    return rows.length > 0
  }

  /** The lines, or parts of lines, that never occurred. */
  missing(): readonly string[] {
    return differenceTable.flatMap((row) =>
      placesOf(row)
        .map((place) => nameOf(row, place))
        .filter((name) => !this.#seen.has(name)),
    )
  }
}

interface Place {
  readonly framework: Framework
  readonly door: DoorName
  /** A class, a name, or missing. */
  readonly requests: string | undefined
}

/** Each must occur: a line that says too much is as wrong as one that is not needed. */
function placesOf(row: WrittenDifference): readonly Place[] {
  return (row.frameworks ?? frameworks).flatMap((framework) =>
    (row.doors ?? (['rest', 'http'] as const)).flatMap((door) =>
      (row.requests ?? [undefined]).map((requests) => ({ framework, door, requests })),
    ),
  )
}

function isPlace({ framework, door, requests }: Place, occurrence: Occurrence): boolean {
  const { request } = occurrence
  const named = requests === undefined || requests === request.name || requests === classOf(request)
  return framework === occurrence.framework && door === occurrence.door && named
}

function fits(row: WrittenDifference, occurrence: Occurrence): boolean {
  return row.facet === occurrence.facet && placesOf(row).some((place) => isPlace(place, occurrence))
}

function nameOf({ facet }: WrittenDifference, { framework, door, requests }: Place): string {
  return `${facet} · ${framework} · ${door} · ${requests ?? 'any request'}`
}
