// IP addresses as whole numbers, for Fn::Cidr.

export interface AddressBlock {
  readonly base: bigint
  /** Bits that the block fixes. */
  readonly prefix: number
  readonly width: 32 | 128
}

/** `10.0.0.0/16` or `2001:db8::/56`; undefined when it is neither. */
export function parseCidr(block: string): AddressBlock | undefined {
  const [address = '', prefixText = ''] = block.split('/')
  const width = address.includes(':') ? 128 : 32
  const number = width === 128 ? parseV6(address) : parseV4(address)
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : -1
  if (number === undefined || prefix < 0 || prefix > width) return undefined
  const hostBits = BigInt(width - prefix)
  return { base: (number >> hostBits) << hostBits, prefix, width }
}

function parseV4(address: string): bigint | undefined {
  const parts = address.split('.')
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) {
    return undefined
  }
  return parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n)
}

function parseV6(address: string): bigint | undefined {
  const halves = address.split(/:{2}/)
  if (halves.length > 2) return undefined
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const gap = 8 - head.length - tail.length
  if (halves.length === 2 ? gap < 1 : gap !== 0) return undefined
  const groups = [...head, ...Array.from({ length: gap }, () => '0'), ...tail]
  if (groups.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  return groups.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n)
}

/** Dotted, or in eight groups whose longest run of zeros is left out. */
export function writeAddress(address: bigint, width: 32 | 128): string {
  if (width === 32) {
    return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 255n)).join('.')
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((address >> BigInt(112 - 16 * index)) & 65_535n).toString(16),
  )
  return shortened(groups)
}

function shortened(groups: readonly string[]): string {
  const runs = [...groups.join(':').matchAll(/(?<=^|:)0(:0)+(?=:|$)/g)]
  const longest = runs.reduce<RegExpMatchArray | undefined>(
    (best, run) => (best === undefined || run[0].length > best[0].length ? run : best),
    undefined,
  )
  if (longest?.index === undefined) return groups.join(':')
  const whole = groups.join(':')
  const before = whole.slice(0, longest.index).replace(/:$/, '')
  const after = whole.slice(longest.index + longest[0].length).replace(/^:/, '')
  return `${before}::${after}`
}
