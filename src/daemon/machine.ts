// What kind of machine this is, as far as advice depends on it: read from /proc, /sys and the PATH, changes nothing.

import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { arch, availableParallelism, release, totalmem } from 'node:os'
import { join } from 'node:path'
import type { MachineReport } from '../admin/diagnosis.js'
import type { CgroupSupport } from '../cgroups/detect.js'
import { availableMemoryMb } from '../procfs/available-memory.js'
import { findProgram } from '../sandbox/abilities.js'

type Variables = Readonly<Record<string, string | undefined>>

const programNames = [
  ...['sudo', 'systemd-run', 'modprobe', 'docker'],
  ...['cc', 'gcc', 'clang'],
  ...['apt-get', 'dnf', 'apk', 'pacman', 'zypper'],
  'mkfs.ext4',
]

const sysctlNames = [
  'kernel.unprivileged_userns_clone',
  'kernel.apparmor_restrict_unprivileged_userns',
  'user.max_user_namespaces',
]

/** About 20 ms, nearly all of it for asking Python its version. */
export async function describeMachine(
  support: CgroupSupport,
  variables: Variables,
): Promise<MachineReport> {
  const status = textOf('/proc/self/status')
  const mounts = [support.v2, ...Object.values(support.v1)]
  return {
    platform: process.platform,
    architecture: arch(),
    kernel: release(),
    nodeVersion: process.versions.node,
    nodePath: process.execPath,
    uid: process.getuid?.() ?? null,
    userNamespace: inUserNamespace(),
    noNewPrivileges: /^NoNewPrivs:\s*1$/m.test(status),
    rootIsLimited: lacksCapability(status, CAP_SYS_ADMIN),
    seccomp: /^Seccomp:\s*2$/m.test(status),
    container: containerName(variables),
    cpus: availableParallelism(),
    memoryMb: mb(totalmem()),
    memoryAvailableMb: availableMemoryMb(),
    cgroups: support.mode,
    cgroupMountPoint: mounts.find((each) => each !== undefined)?.mountPoint ?? null,
    sysctls: presentSysctls(),
    disabledControllers: disabledControllers(textOf('/proc/cgroups')),
    programs: programNames.filter((name) => findProgram(name, variables) !== undefined),
    serviceManager: existsSync('/run/systemd/system'),
    userServiceManager: existsSync(join(variables.XDG_RUNTIME_DIR || '/none', 'systemd/private')),
    pythonVersion: await pythonVersion(variables),
  }
}

/** Bit number in the kernel's include/uapi/linux/capability.h. */
const CAP_SYS_ADMIN = 21n

/** Whether no program that is started here, setuid or not, can have it: it is not in the bounding set. */
function lacksCapability(status: string, bit: bigint): boolean {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status)?.[1]
  return bounding !== undefined && ((BigInt(`0x${bounding}`) >> bit) & 1n) === 0n
}

/** The machine's own user namespace maps every id to itself. */
function inUserNamespace(): boolean {
  const map = textOf('/proc/self/uid_map').trim()
  return map !== '' && !/^0\s+0\s+4294967295$/.test(map)
}

function containerName(variables: Variables): string | null {
  if (variables.KUBERNETES_SERVICE_HOST !== undefined) return 'kubernetes'
  if (existsSync('/run/.containerenv')) return 'podman'
  if (existsSync('/.dockerenv')) return 'docker'
  const name = /(?:^|\0)container=([^\0]+)/.exec(textOf('/proc/1/environ'))?.[1]
  return name ?? variables.container ?? null
}

function presentSysctls(): Record<string, string> {
  const found = sysctlNames.flatMap((name) => {
    const value = textOf(join('/proc/sys', name.replace('.', '/'))).trim()
    return value === '' ? [] : [[name, value] as const]
  })
  return Object.fromEntries(found)
}

/** Columns: name, hierarchy, number of groups, enabled. */
function disabledControllers(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', , , enabled] = line.split('\t')
    return enabled === '0' ? [name] : []
  })
}

function mb(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024)
}

function pythonVersion(variables: Variables): Promise<string | null> {
  const python = findProgram('python3', variables)
  if (python === undefined) return Promise.resolve(null)
  return new Promise((resolve) => {
    execFile(python, ['--version'], { timeout: 5_000 }, (error, stdout) => {
      const version = /^Python (\S+)/.exec(stdout)?.[1]
      resolve(error === null && version !== undefined ? version : null)
    })
  })
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Not on this system, or not for this user: it tells nothing.
    return ''
  }
}
