// Identifiers that API Gateway gives: request ids, resource ids, trace headers, times in the Common Log Format.

import { createHash } from 'node:crypto'
import type { Chance } from '../clock/kernel.js'

/** As `LV7fzho-PHcEJPw=`: eleven bytes in base64url. */
export function shortRequestId(chance: Chance): string {
  return `${Buffer.from(chance.hex(22), 'hex').toString('base64url')}=`
}

/** Six lower-case letters and digits, always the same for the same words: resource and deployment ids. */
export function stableId(...words: readonly string[]): string {
  const digest = createHash('sha256').update(words.join('\n')).digest()
  return digest.readBigUInt64BE().toString(36).padStart(13, '0').slice(-6)
}

export interface Trace {
  /** `1-<eight hex>-<24 hex>` */
  readonly root: string
  readonly parent: string
  readonly sampled: '0' | '1'
  /** What the function's event carries: the client's header when it has a root, else the root alone. */
  readonly eventHeader: string
}

/** The trace of a request: its root is kept; a missing parent is made up; sampled only where somebody says so. */
export function continueTrace(
  header: string | undefined,
  parts: { readonly chance: Chance; readonly nowMs: number },
): Trace {
  const fields = new Map(
    (header ?? '').split(';').map((field) => {
      const [name = '', value = ''] = field.trim().split('=')
      return [name, value]
    }),
  )
  const given = fields.get('Root')
  const rooted = given !== undefined && /^1-[0-9a-f]{8}-[0-9a-f]{24}$/i.test(given)
  const root = rooted ? given : newRoot(parts)
  const parent = rooted ? fields.get('Parent') : undefined
  const hasParent = parent !== undefined && /^[0-9a-f]{16}$/i.test(parent)
  const sampled = rooted ? fields.get('Sampled') : undefined
  return {
    root,
    parent: hasParent ? parent : parts.chance.hex(16),
    sampled: sampled === '0' || sampled === '1' ? sampled : hasParent ? '1' : '0',
    eventHeader: rooted && header !== undefined ? header : `Root=${root}`,
  }
}

function newRoot({ chance, nowMs }: { readonly chance: Chance; readonly nowMs: number }): string {
  const seconds = Math.floor(nowMs / 1000)
  return `1-${seconds.toString(16).padStart(8, '0')}-${chance.hex(24)}`
}

export function traceText({ root, parent, sampled }: Trace): string {
  return `Root=${root};Parent=${parent};Sampled=${sampled}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `21/Nov/2026:18:37:33 +0000` */
export function commonLogTime(epochMs: number): string {
  const [, year, month, day, time] =
    /^(\d+)-(\d\d)-(\d\d)T([\d:]+)/.exec(new Date(epochMs).toISOString()) ?? []
  return `${day}/${months[Number(month) - 1]}/${year}:${time} +0000`
}
