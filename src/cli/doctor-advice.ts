// From a diagnosis to what a person needs to hear: for each ability what is lost, and the one command that lifts it. Pure.

import {
  type AbilityName,
  type AbilityReport,
  abilityNames,
  type Diagnosis,
  type MachineReport,
  type ProbeReport,
} from '../admin/diagnosis.js'
import { type ChoiceText, type Mark, texts, titles } from './doctor-texts.js'

/** At least one of the two is not empty. */
export interface Lift {
  /** What to do, or why nothing can be done, in words. */
  readonly text: string
  /** To be typed as it stands. */
  readonly command: string
}

export interface DoctorLine {
  readonly ability: AbilityName
  readonly title: string
  readonly mark: Mark
  readonly used: string
  readonly lost: string
  /** Null when nothing is to be lifted. */
  readonly lift: Lift | null
}

interface Case {
  readonly diagnosis: Diagnosis
  /** How this program is called. */
  readonly program: string
}

/** One line for each ability, in the order in which they are shown. */
export function explain(diagnosis: Diagnosis, program: string): readonly DoctorLine[] {
  return abilityNames.map((ability) => {
    const report = diagnosis.abilities[ability]
    const text: ChoiceText | undefined = texts[ability][report.choice]
    const { mark, used, lost } = text ?? { mark: 'none', used: report.choice, lost: '' }
    const lift = mark === 'full' ? null : liftOf(ability, report, { diagnosis, program })
    return { ability, title: titles[ability], mark, used, lost, lift }
  })
}

function liftOf(ability: AbilityName, report: AbilityReport, given: Case): Lift {
  const { helper } = given.diagnosis
  const refused = report.better[0]?.refused ?? ''
  if (given.diagnosis.machine.platform !== 'linux') return elsewhere
  if (helper.problem !== '' && refused === helper.problem) return helperLift(given)
  switch (ability) {
    case 'freeze':
    case 'cpu':
    case 'memory':
    case 'processes':
      return cgroupLift(ability, refused, given)
    case 'filesystem':
      return filesystemLift(report, given)
    case 'runtimeApi':
      return runtimeApiLift(report, given)
    case 'storage':
      return storageLift(refused, given)
    case 'launcher':
    case 'guardian':
      return superuserLift(refused, given)
  }
}

const elsewhere: Lift = {
  text: 'only Linux can do this: use a Linux virtual machine, or WSL 2 on Windows',
  command: '',
}

function command(text: string): Lift {
  return { text: '', command: text }
}

function words(text: string): Lift {
  return { text, command: '' }
}

function has({ programs }: MachineReport, name: string): boolean {
  return programs.includes(name)
}

/** A command that only a superuser may run. */
function asSuperuser(text: string, { diagnosis: { machine } }: Case): Lift {
  if (machine.uid === 0) return command(text)
  return command(has(machine, 'sudo') ? `sudo ${text}` : `su -c '${text}'`)
}

/** What was refused is allowed to whoever has more rights: the way to them from here. */
function superuserLift(refused: string, given: Case): Lift {
  const { machine } = given.diagnosis
  const { container } = machine
  if (container !== null && isConfined(machine)) return containerLift(container)
  if (machine.rootIsLimited) {
    return words('start it elsewhere: not even root may do this here (no CAP_SYS_ADMIN)')
  }
  if (machine.uid === 0 && machine.userNamespace) {
    return words("start it as this machine's own root, outside of this user namespace")
  }
  if (machine.uid === 0) return words(`nothing known lifts this: ${refused}`)
  if (machine.noNewPrivileges) {
    return words('start it as root and elsewhere: no_new_privs is set here, so sudo cannot work')
  }
  // sudo forgets the PATH: a Node that is not where everything is would not be found.
  const common = /^\/(usr\/)?(local\/)?bin\//.test(machine.nodePath)
  const start = `${common ? '' : 'env "PATH=$PATH" '}${given.program} start`
  return asSuperuser(start, given)
}

/** Not even root may do here what root may do. */
function isConfined({ rootIsLimited, userNamespace }: MachineReport): boolean {
  return rootIsLimited || userNamespace
}

function containerLift(container: string): Lift {
  if (container === 'docker' || container === 'podman') {
    const text = 'run the container with more rights, as root:'
    return { text, command: `${container} run --user 0 --privileged …` }
  }
  if (container === 'kubernetes') {
    return words('give the container `securityContext: {privileged: true, runAsUser: 0}`')
  }
  return words(`this ${container} container does not allow it: run outside, or give it more rights`)
}

const installCompiler: Readonly<Record<string, string>> = {
  'apt-get': 'apt-get install -y gcc libc6-dev',
  dnf: 'dnf install -y gcc glibc-static kernel-headers',
  apk: 'apk add gcc musl-dev linux-headers',
  pacman: 'pacman -S --noconfirm gcc',
  zypper: 'zypper install -y gcc glibc-devel-static',
}

function installed(table: Readonly<Record<string, string>>, given: Case): Lift | undefined {
  const manager = Object.keys(table).find((name) => has(given.diagnosis.machine, name))
  const text = manager === undefined ? undefined : table[manager]
  return text === undefined ? undefined : asSuperuser(text, given)
}

function helperLift(given: Case): Lift {
  const { helper, machine } = given.diagnosis
  if (helper.named) {
    return { text: 'LAMBDA_EMU_HELPER names no such program:', command: 'unset LAMBDA_EMU_HELPER' }
  }
  if (!helper.canBeBuilt) {
    const text = 'the published package has the native helper; install it again:'
    return { text, command: 'npm install lambda-emu' }
  }
  const build = 'npm run build'
  if (['cc', 'gcc', 'clang'].some((name) => has(machine, name))) return command(build)
  const install = installed(installCompiler, given)
  if (install === undefined) return { text: 'with a C compiler on the PATH:', command: build }
  return command(`${install.command} && ${build}`)
}

/** `refused` are the words of detect.ts, controllers.ts and choose.ts: errno names with the folder before them. */
function cgroupLift(ability: AbilityName, refused: string, given: Case): Lift {
  const { machine } = given.diagnosis
  if (machine.disabledControllers.includes(ability)) {
    return words(`add cgroup_enable=${ability} to the kernel's command line and boot again`)
  }
  if (/holds processes itself/.test(refused)) return busyGroupLift(refused, given)
  if (machine.uid === 0 && !isConfined(machine)) {
    const readOnly = /(\/[^\s:,()]+): EROFS/.exec(refused)?.[1]
    if (readOnly !== undefined) return command(`mount -o remount,bind,rw ${readOnly}`)
    if (machine.cgroups === 'none') return command('mount -t cgroup2 cgroup2 /sys/fs/cgroup')
  }
  // A manager for this user's services hands out groups of v2, and nothing of v1.
  const lacksRights = /EACCES|EPERM/.test(refused)
  if (lacksRights && canDelegate(machine) && machine.cgroups === 'v2') {
    return command(delegated('systemd-run --user', given))
  }
  return superuserLift(refused, given)
}

function canDelegate(machine: MachineReport): boolean {
  return machine.userServiceManager && machine.uid !== 0 && has(machine, 'systemd-run')
}

function delegated(run: string, { program }: Case): string {
  return `${run} --scope -p Delegate=yes ${program} start`
}

/** v2 lets a group have either processes or groups with limits below it. */
function busyGroupLift(refused: string, given: Case): Lift {
  const { machine } = given.diagnosis
  const folder = /^(\/\S*) holds/.exec(refused)?.[1]
  if (canDelegate(machine)) return command(delegated('systemd-run --user', given))
  if (machine.uid === 0 && machine.serviceManager && has(machine, 'systemd-run')) {
    return command(delegated('systemd-run', given))
  }
  if (machine.uid !== 0 || folder === undefined) return superuserLift(refused, given)
  // As in a container with a tree of its own: its processes move one group down.
  const move = `for pid in $(cat cgroup.procs); do echo $pid >init/cgroup.procs; done`
  return command(`(cd ${folder} && mkdir -p init && ${move})`)
}

function probeOf({ diagnosis }: Case, name: string): Extract<ProbeReport, { works: false }> {
  const result = diagnosis.probes[name]
  return result === undefined || result.works ? { works: false, errno: '', step: '' } : result
}

function filesystemLift(report: AbilityReport, given: Case): Lift {
  const refused = report.better[0]?.refused ?? ''
  if (report.choice !== 'none') return superuserLift(refused, given)
  return userNamespaceLift(given) ?? superuserLift(refused, given)
}

/** Only where the kernel says itself what forbids user namespaces. */
function userNamespaceLift(given: Case): Lift | undefined {
  const { machine } = given.diagnosis
  const inContainer = machine.container !== null && isConfined(machine)
  const { errno, step } = probeOf(given, 'user-namespaces')
  if (errno === 'ENOSYS') return words('this needs Linux 5.12 or later, and no filter of its calls')
  const closed = [
    ['kernel.unprivileged_userns_clone', '0', '1'],
    ['kernel.apparmor_restrict_unprivileged_userns', '1', '0'],
    ['user.max_user_namespaces', '0', '15000'],
  ] as const
  const [name, , open] = closed.find(([key, value]) => machine.sysctls[key] === value) ?? []
  if (name !== undefined) {
    if (!inContainer) return asSuperuser(`sysctl -w ${name}=${open}`, given)
    const text = 'on the machine that runs the container:'
    return { text, command: `sudo sysctl -w ${name}=${open}` }
  }
  // A container that covers parts of /proc may not show another one.
  if (step === 'proc' && inContainer && machine.container === 'docker') {
    return command('docker run --security-opt systempaths=unconfined …')
  }
  return undefined
}

function runtimeApiLift(report: AbilityReport, given: Case): Lift {
  const { abilities } = given.diagnosis
  if (report.choice === 'none') return filesystemLift(abilities.filesystem, given)
  const { step } = probeOf(given, 'bpf-connect')
  const refused = report.better[0]?.refused ?? ''
  // The program hangs on a v2 group: where none can be made, that is to be lifted first.
  const needsGroup = step === 'v2-folder' || step === 'make-group'
  const v2 = abilities.freeze.better.find(({ choice }) => choice === 'v2')
  if (needsGroup && v2 !== undefined && given.diagnosis.machine.uid === 0) {
    return cgroupLift('freeze', v2.refused, given)
  }
  return superuserLift(refused, given)
}

const installMkfs: Readonly<Record<string, string>> = {
  'apt-get': 'apt-get install -y e2fsprogs',
  dnf: 'dnf install -y e2fsprogs',
  apk: 'apk add e2fsprogs',
  pacman: 'pacman -S --noconfirm e2fsprogs',
  zypper: 'zypper install -y e2fsprogs',
}

function storageLift(refused: string, given: Case): Lift {
  const { machine, probes } = given.diagnosis
  if (probes['loop-mount']?.works) {
    return installed(installMkfs, given) ?? words('install mkfs.ext4 (e2fsprogs)')
  }
  const { errno, step } = probeOf(given, 'loop-mount')
  const lacksModule = step === 'loop-control' && (errno === 'ENOENT' || errno === 'ENODEV')
  if (lacksModule && !isConfined(machine) && has(machine, 'modprobe')) {
    return asSuperuser('modprobe loop', given)
  }
  return superuserLift(refused, given)
}
