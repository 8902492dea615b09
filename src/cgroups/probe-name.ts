// The names of the groups that are made for a moment to see what works here.

import { readFileSync } from 'node:fs'
import { namespaceMark } from './namespace-mark.js'

/**
 * Says which process made it, so that a sweep removes it if that process was killed in the middle. Zeros before the
 * start time are read as the same number, and keep apart the names of attempts that go on at the same time.
 */
export function probeGroupName(zeros = 0): string {
  return `lambda-emu-probe-${process.pid}-${'0'.repeat(zeros)}${ownStartTime()}${namespaceMark()}`
}

/** For a look that is over before anything else can begin one. The zero keeps it apart from the others. */
export function momentaryProbeName(): string {
  return `lambda-emu-probe-0${process.pid}-${ownStartTime()}${namespaceMark()}`
}

/** Field 22 of /proc/self/stat; fields are counted from the last `)`, since the name may hold anything. */
function ownStartTime(): string {
  try {
    const stat = readFileSync('/proc/self/stat', 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[22 - 3] ?? '0'
  } catch {
    // Without /proc there are no control groups either.
    return '0'
  }
}
