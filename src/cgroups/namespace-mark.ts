// What tells apart groups of processes with the same pid: the pid namespace in which that number is one.

import { readlinkSync } from 'node:fs'

/** The machine's own. Source: PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h. */
const initialNamespace = '4026531836'

let mark: string | undefined

/**
 * The end of the names of our groups: empty in the machine's own pid namespace, else `-` and the number of the
 * namespace. A tree of groups may be seen from several, and a pid of one says nothing in another.
 */
export function namespaceMark(): string {
  mark ??= readMark()
  return mark
}

function readMark(): string {
  try {
    const number = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]
    return number === undefined || number === initialNamespace ? '' : `-${number}`
  } catch {
    // Without /proc there are no control groups either.
    return ''
  }
}
