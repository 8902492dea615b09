// The name of the groups that are made for a moment to see what works here.

import { readFileSync } from 'node:fs'
import { namespaceMark } from './namespace-mark.js'

/**
 * Says which process made it, so that a sweep removes it if that process was killed in the middle. The zero keeps it
 * apart from the group in which the same process may be trying a freezer.
 */
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
