// Names and links inside a package: whether they stay below its root. Pure; touches no disk.

/** Longest file name a Linux folder holds, in bytes. Source: limits.h, NAME_MAX. */
const segmentBytesMax = 255
/** Leaves room for the folder that the package lands in. Source: limits.h, PATH_MAX is 4,096. */
const pathBytesMax = 3_072
/** Links followed in one lookup before Linux gives up. Source: path_resolution(7). */
const linkHopsMax = 40

export type PlacedName =
  | { readonly is: 'inside'; readonly path: string }
  | { readonly is: 'escapes' }
  | { readonly is: 'invalid'; readonly reason: string }

/**
 * The place of an entry below the root: segments joined by `/`, without `.` and doubled slashes.
 * A backslash stays a character of the name, as on Linux, but never helps to climb out.
 */
export function placeName(name: string): PlacedName {
  if (name.includes('\0')) return { is: 'invalid', reason: 'a name holds a zero byte' }
  if (/^[/\\]|^[A-Za-z]:[/\\]/.test(name)) return { is: 'escapes' }
  if (name.split(/[/\\]/).includes('..')) return { is: 'escapes' }
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.')
  const path = segments.join('/')
  if (Buffer.byteLength(path) > pathBytesMax) {
    return { is: 'invalid', reason: `a path is longer than ${pathBytesMax} bytes` }
  }
  if (segments.some((segment) => Buffer.byteLength(segment) > segmentBytesMax)) {
    return { is: 'invalid', reason: `a name is longer than ${segmentBytesMax} bytes` }
  }
  return { is: 'inside', path }
}

/** Every folder above `path`, nearest last: `a/b/c` gives `a`, `a/b`. */
export function parentsOf(path: string): readonly string[] {
  const segments = path.split('/')
  return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'))
}

/**
 * Whether following the link at `path` stays below the root, through every other link of the package.
 * Walks as the kernel does, because `link/..` is not the folder that `link` lies in.
 */
export function linkStaysInside(path: string, links: ReadonlyMap<string, string>): boolean {
  const pending = path.split('/')
  const walked: string[] = []
  let hops = 0
  for (let segment = pending.shift(); segment !== undefined; segment = pending.shift()) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') {
      if (walked.pop() === undefined) return false
      continue
    }
    const target = links.get([...walked, segment].join('/'))
    if (target === undefined) {
      walked.push(segment)
      continue
    }
    hops += 1
    if (target.startsWith('/') || hops > linkHopsMax) return false
    pending.unshift(...target.split('/'))
  }
  return true
}
