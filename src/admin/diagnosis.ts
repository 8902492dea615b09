// What `lambda-emu doctor` is told: types only. Part of the output of `doctor --json`.

/** What is used, and every better choice with why it was refused, best first. */
export interface AbilityReport {
  readonly choice: string
  readonly better: readonly { readonly choice: string; readonly refused: string }[]
}

/** In the order in which they are shown. */
export const abilityNames = [
  'freeze',
  'cpu',
  'memory',
  'processes',
  'filesystem',
  'runtimeApi',
  'storage',
  'launcher',
  'guardian',
] as const
export type AbilityName = (typeof abilityNames)[number]

/** One attempt of the native helper. */
export type ProbeReport =
  | { readonly works: true; readonly detail: string }
  | { readonly works: false; readonly errno: string; readonly step: string }

export interface PortReport {
  readonly port: number
  /** Empty when it is free; else why nobody can listen there, as `in use by node (pid 4711)`. */
  readonly taken: string
}

/** What advice depends on, and what people ask for when they help each other. */
export interface MachineReport {
  /** As Node names it: linux, darwin. */
  readonly platform: string
  readonly architecture: string
  readonly kernel: string
  readonly nodeVersion: string
  /** Absolute path of the Node that runs this. */
  readonly nodePath: string
  /** Null where there are no user ids. */
  readonly uid: number | null
  /** Whether uid 0 means less than the machine's own root. */
  readonly userNamespace: boolean
  /** No program can gain rights: sudo does not work here. */
  readonly noNewPrivileges: boolean
  /** CAP_SYS_ADMIN is out of reach for good, as in most containers: not even root has it here. */
  readonly rootIsLimited: boolean
  /** System calls are filtered. */
  readonly seccomp: boolean
  /**
   * `docker`, `podman`, `kubernetes` …; null when nothing tells of one. A virtual machine whose files were once an
   * image looks like a container too: what is allowed shows in `rootIsLimited` and `userNamespace`.
   */
  readonly container: string | null
  readonly cpus: number
  readonly memoryMb: number
  readonly memoryAvailableMb: number
  /** `hybrid`: v1 controllers and a v2 tree side by side. */
  readonly cgroups: 'v2' | 'v1' | 'hybrid' | 'none'
  readonly cgroupMountPoint: string | null
  /** Only those that exist, by their names for sysctl(8). */
  readonly sysctls: Readonly<Record<string, string>>
  /** Controllers that the kernel was told to leave out when it was booted. */
  readonly disabledControllers: readonly string[]
  /** Of sudo, systemd-run, modprobe, docker, cc, gcc, clang, apt-get, dnf, apk, pacman, zypper, mkfs.ext4: what is there. */
  readonly programs: readonly string[]
  /** This machine was booted by systemd. */
  readonly serviceManager: boolean
  /** systemd starts things for this user too. */
  readonly userServiceManager: boolean
  /** `3.11.7`; null when there is no python3. */
  readonly pythonVersion: string | null
}

export interface HelperReport {
  /** Null when there is none. */
  readonly path: string | null
  /** Why it cannot be used; empty when it can. */
  readonly problem: string
  /** The environment variable LAMBDA_EMU_HELPER names it. */
  readonly named: boolean
  /** This is a source checkout, in which it can be built. */
  readonly canBeBuilt: boolean
}

export interface Obstacle {
  readonly code: string
  readonly message: string
  readonly hint: string
}

export interface Diagnosis {
  readonly version: string
  readonly abilities: Readonly<Record<AbilityName, AbilityReport>>
  /** Empty without a helper. */
  readonly probes: Readonly<Record<string, ProbeReport>>
  readonly helper: HelperReport
  readonly machine: MachineReport
  /** What functions may use together unless --memory-budget says otherwise. */
  readonly memoryBudgetMb: number
  readonly ports: readonly PortReport[]
  /** What keeps the emulator from running at all. */
  readonly obstacles: readonly Obstacle[]
}
