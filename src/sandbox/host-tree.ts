// Reads once what the machine's own file system looks like at its top, for the roots that functions get.

import { lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import type { HostTree } from './view.js'

export function readHostTree(): HostTree {
  const top: Record<string, { readonly link: string } | 'folder'> = {}
  for (const name of readdirSync('/')) {
    const path = `/${name}`
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (found?.isSymbolicLink()) top[name] = { link: readlinkSync(path) }
    else if (found?.isDirectory()) top[name] = 'folder'
  }
  return {
    top,
    resolvConf: outsideEtc('/etc/resolv.conf'),
    hosts: textOf('/etc/hosts'),
    cpuInfo: textOf('/proc/cpuinfo'),
  }
}

function outsideEtc(path: string): string | undefined {
  try {
    const real = realpathSync(path)
    return real.startsWith('/etc/') ? undefined : real
  } catch {
    // No name server is configured here: there is nothing to show.
    return undefined
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Not there, or not to be read by this user: functions then see none either.
    return ''
  }
}
