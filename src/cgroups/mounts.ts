// Where this process's control group hierarchies are mounted, read from the kernel's own tables; no path is ever assumed.

/** One mount of one hierarchy, and where this process sits in it. */
export interface HierarchyMount {
  readonly version: 1 | 2
  /** v1: the controllers bound to it. v2: empty here, `cgroup.controllers` has them. */
  readonly controllers: readonly string[]
  readonly mountPoint: string
  /** This process's own group as a folder below `mountPoint`; undefined when the mount does not show it. */
  readonly ownFolder: string | undefined
}

/**
 * Every cgroup mount in the text of /proc/self/mountinfo, in its order.
 * `selfCgroup` is the text of /proc/self/cgroup; named v1 hierarchies without controllers are left out.
 */
export function parseHierarchyMounts(mountInfo: string, selfCgroup: string): HierarchyMount[] {
  const memberships = parseMemberships(selfCgroup)
  const mounts: HierarchyMount[] = []
  for (const line of mountInfo.split('\n')) {
    const mount = parseMountLine(line, memberships)
    if (mount !== undefined) mounts.push(mount)
  }
  return mounts
}

interface Membership {
  readonly controllers: readonly string[]
  readonly path: string
}

/** Lines are `<hierarchy>:<controllers>:<path>`; v2 is the one with hierarchy 0 and no controllers. */
function parseMemberships(selfCgroup: string): Membership[] {
  const memberships: Membership[] = []
  for (const line of selfCgroup.split('\n')) {
    const match = /^(\d+):([^:]*):(.*)$/.exec(line)
    if (match === null) continue
    const names = match[2] === '' ? [] : (match[2] ?? '').split(',')
    memberships.push({ controllers: names, path: match[3] ?? '/' })
  }
  return memberships
}

/** Fields: id parent device root mountPoint options … `-` type source superOptions. */
function parseMountLine(
  line: string,
  memberships: readonly Membership[],
): HierarchyMount | undefined {
  const fields = line.split(' ')
  const separator = fields.indexOf('-')
  const type = fields[separator + 1]
  if (separator < 0 || (type !== 'cgroup' && type !== 'cgroup2')) return undefined
  const mountRoot = unescapeOctal(fields[3] ?? '/')
  const mountPoint = unescapeOctal(fields[4] ?? '/')
  if (type === 'cgroup2') {
    const own = memberships.find((membership) => membership.controllers.length === 0)
    const ownFolder = folderOf(mountPoint, mountRoot, own?.path)
    return { version: 2, controllers: [], mountPoint, ownFolder }
  }
  const options = (fields[separator + 3] ?? '').split(',')
  const own = memberships.find((membership) =>
    membership.controllers.some((name) => options.includes(name) && !name.startsWith('name=')),
  )
  if (own === undefined) return undefined
  const ownFolder = folderOf(mountPoint, mountRoot, own.path)
  return { version: 1, controllers: own.controllers, mountPoint, ownFolder }
}

function folderOf(mountPoint: string, mountRoot: string, path: string | undefined) {
  if (path === undefined || path.includes('/..')) return undefined
  if (mountRoot === '/') return trimSlash(mountPoint + path)
  if (path !== mountRoot && !path.startsWith(`${mountRoot}/`)) return undefined
  return trimSlash(mountPoint + path.slice(mountRoot.length))
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path
}

/** The kernel writes space, tab, newline and backslash in mountinfo as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
