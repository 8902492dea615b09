// Who listens on a TCP port, as far as /proc tells: only for the words of an error.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface PortHolder {
  readonly pid: number
  /** Name of the program, as /proc/<pid>/comm has it. */
  readonly command: string
}

const listenState = '0A'

/**
 * Undefined where there is no /proc, or where the holder belongs to another user and cannot be
 * seen.
 */
export function portHolder(port: number): PortHolder | undefined {
  const inodes = listeningInodes(port)
  if (inodes.size === 0) return undefined
  for (const entry of list('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const holds = list(`/proc/${entry}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(link(`/proc/${entry}/fd/${fd}`) ?? '')?.[1]
      return inode !== undefined && inodes.has(inode)
    })
    if (holds)
      return { pid: Number(entry), command: text(`/proc/${entry}/comm`).trim() || 'a program' }
  }
  return undefined
}

function listeningInodes(port: number): ReadonlySet<string> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0')
  const inodes = new Set<string>()
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of text(table).split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/)
      if (state === listenState && local?.endsWith(`:${hexPort}`) && inode !== undefined)
        inodes.add(inode)
    }
  }
  return inodes
}

// Processes end and files vanish while /proc is read, and some belong to others: then there is
// nothing to tell.
function list(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
