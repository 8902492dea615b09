// Diagnoses for tests: a machine where everything works, and changes to it.

import {
  type AbilityName,
  type AbilityReport,
  abilityNames,
  type Diagnosis,
  type MachineReport,
  type ProbeReport,
} from '../../src/admin/diagnosis.js'

export const best: Readonly<Record<AbilityName, string>> = {
  freeze: 'v2',
  cpu: 'quota',
  memory: 'cgroup',
  processes: 'cgroup',
  filesystem: 'namespaces',
  runtimeApi: 'bpf',
  storage: 'loop',
  launcher: 'yes',
  guardian: 'yes',
}

const machine: MachineReport = {
  platform: 'linux',
  architecture: 'x64',
  kernel: '6.8.0-45-generic',
  nodeVersion: '20.20.2',
  nodePath: '/usr/bin/node',
  uid: 0,
  userNamespace: false,
  noNewPrivileges: false,
  rootIsLimited: false,
  seccomp: false,
  container: null,
  cpus: 8,
  memoryMb: 32_000,
  memoryAvailableMb: 20_480,
  cgroups: 'v2',
  cgroupMountPoint: '/sys/fs/cgroup',
  sysctls: { 'user.max_user_namespaces': '127000' },
  disabledControllers: [],
  programs: ['sudo', 'systemd-run', 'modprobe', 'gcc', 'apt-get', 'mkfs.ext4'],
  serviceManager: true,
  userServiceManager: true,
  pythonVersion: '3.12.3',
}

export interface Changes {
  readonly machine?: Partial<MachineReport>
  /** For an ability: what is used, and why the best is not. */
  readonly worse?: Partial<Record<AbilityName, readonly [string, string]>>
  readonly probes?: Record<string, string>
  readonly helper?: Partial<Diagnosis['helper']>
  readonly obstacles?: Diagnosis['obstacles']
}

export function diagnosis(changes: Changes = {}): Diagnosis {
  const ability = (name: AbilityName): AbilityReport => {
    const [choice, refused] = changes.worse?.[name] ?? []
    if (choice === undefined || refused === undefined) return { choice: best[name], better: [] }
    return { choice, better: [{ choice: best[name], refused }] }
  }
  const abilities = Object.fromEntries(abilityNames.map((name) => [name, ability(name)]))
  const probes = Object.entries(changes.probes ?? {}).map(([name, text]): [string, ProbeReport] => {
    const [errno = '', step = ''] = text.split(' ')
    return [name, text === 'yes' ? { works: true, detail: '' } : { works: false, errno, step }]
  })
  return {
    version: '0.1.0',
    abilities: abilities as Record<AbilityName, AbilityReport>,
    probes: Object.fromEntries(probes),
    helper: {
      path: '/opt/lambda-emu/lambda-emu-helper',
      problem: '',
      named: false,
      canBeBuilt: true,
      ...changes.helper,
    },
    machine: { ...machine, ...changes.machine },
    memoryBudgetMb: 14_336,
    ports: [
      { port: 3000, taken: '' },
      { port: 3001, taken: 'in use by node (pid 4711)' },
    ],
    obstacles: changes.obstacles ?? [],
  }
}

const unreadable =
  'no group can be made (/sys/fs/cgroup: EACCES, /sys/fs/cgroup/user.slice: EACCES)'
export const asUser: NonNullable<Changes['worse']> = {
  freeze: ['signal', unreadable],
  cpu: ['duty-cycle', unreadable],
  memory: ['sampled', unreadable],
  processes: ['none', unreadable],
  filesystem: ['user-namespaces', 'namespaces: EPERM at clone'],
  runtimeApi: ['host-name', 'bpf-connect: ENOENT at v2-folder'],
  storage: ['folder', 'loop-mount: EACCES at loop-control'],
}
