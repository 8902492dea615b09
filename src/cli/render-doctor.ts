// A diagnosis as a page for people. Pure.

import type { Diagnosis, MachineReport } from '../admin/diagnosis.js'
import type { DoctorLine, Lift } from './doctor-advice.js'
import type { Mark } from './doctor-texts.js'
import { type Page, wrap } from './render.js'
import { padEnd, type Style } from './text.js'

export interface DoctorFacts {
  readonly diagnosis: Diagnosis
  readonly lines: readonly DoctorLine[]
}

/** Where the second column begins: after two spaces, mark, space and the longest title. */
const titleWidth = 13
const indent = ' '.repeat(4 + titleWidth)
/** Text is easier to read when a wide window does not make it wide. */
const columnsMax = 100

export function renderDoctor(facts: DoctorFacts, page: Page): readonly string[] {
  const { style } = page
  const { diagnosis, lines } = facts
  const columns = Math.min(page.columns, columnsMax)
  const shared = sharedLift(lines)
  return [
    `${style.bold(`lambda-emu ${diagnosis.version}`)}   what this machine can do, each line tried`,
    '',
    ...lines.flatMap((line) => abilityLines(line, shared, columns, style)),
    '',
    `  ${summary(facts)}`,
    ...(shared === null ? [] : liftLines(shared, columns, style)),
    '',
    ...machineLines(diagnosis, columns, style),
  ]
}

function markText(mark: Mark, style: Style): string {
  return { full: style.green('●'), reduced: style.yellow('◐'), none: style.red('○') }[mark]
}

/** What lifts everything that is reduced, when it is the same for two lines or more: it is then said once. */
function sharedLift(lines: readonly DoctorLine[]): Lift | null {
  const [first, ...rest] = lines.flatMap(({ lift }) => (lift === null ? [] : [lift]))
  if (first === undefined || rest.length === 0) return null
  const same = ({ text, command }: Lift) => text === first.text && command === first.command
  return rest.every(same) ? first : null
}

function abilityLines(
  line: DoctorLine,
  shared: Lift | null,
  columns: number,
  style: Style,
): readonly string[] {
  const [first = '', ...more] = wrap(line.used, columns - indent.length)
  const head = `  ${markText(line.mark, style)} ${padEnd(line.title, titleWidth)}${first}`
  const used = [head, ...more.map((text) => indent + text)]
  if (line.lift === null) return used
  return [
    ...used,
    ...labelled('lost', line.lost, columns, style),
    ...(shared === null ? liftLines(line.lift, columns, style) : []),
  ]
}

function liftLines(lift: Lift, columns: number, style: Style): readonly string[] {
  const lines = labelled('lift', lift.text, columns, style)
  if (lift.command === '') return lines
  const label = lines.length === 0 ? style.dim(padEnd('lift', titleWidth)) : ' '.repeat(titleWidth)
  // A command stays on one line, however long: it is there to be copied.
  return [...lines, `    ${label}${style.bold(style.cyan(lift.command))}`]
}

function labelled(label: string, text: string, columns: number, style: Style): readonly string[] {
  return wrap(text, columns - indent.length).map((line, index) =>
    index === 0 ? `    ${style.dim(padEnd(label, titleWidth))}${line}` : indent + line,
  )
}

function summary({ lines, diagnosis }: DoctorFacts): string {
  const amount = (mark: Mark) => lines.filter((line) => line.mark === mark).length
  const [reduced, none] = [amount('reduced'), amount('none')]
  const runs = diagnosis.obstacles.length === 0
  if (reduced + none === 0) return runs ? 'Everything works, and nothing is reduced.' : ''
  const parts = [
    `${amount('full')} in full`,
    ...(reduced === 0 ? [] : [`${reduced} reduced`]),
    ...(none === 0 ? [] : [`${none} missing`]),
  ]
  const end = sharedLift(lines) === null ? '.' : ', and one thing lifts all of it:'
  return `${runs ? 'Functions run: ' : ''}${parts.join(', ')}${end}`
}

function machineLines(diagnosis: Diagnosis, columns: number, style: Style): readonly string[] {
  const { machine, helper, ports, memoryBudgetMb } = diagnosis
  const rows: readonly (readonly [string, string])[] = [
    ['system', systemText(machine)],
    ['Node', machine.nodeVersion],
    ['Python', machine.pythonVersion ?? 'not found: python3.* functions cannot run'],
    ['cgroups', cgroupText(machine)],
    ['CPUs', `${machine.cpus}`],
    ['memory', `${gb(machine.memoryMb)}, ${gb(machine.memoryAvailableMb)} of it free`],
    ['budget', `${gb(memoryBudgetMb)} for all functions together`],
    ['helper', helper.problem === '' ? (helper.path ?? '') : helper.problem],
    ...ports.map(({ port, taken }): readonly [string, string] => [
      `port ${port}`,
      taken === '' ? 'free' : taken,
    ]),
  ]
  return rows.flatMap(([name, value]) => {
    const [first = '', ...more] = wrap(value, columns - indent.length)
    const head = `  ${style.dim(padEnd(name, titleWidth + 2))}${first}`
    return [head, ...more.map((text) => indent + text)]
  })
}

function systemText(machine: MachineReport): string {
  const { platform, kernel, architecture, uid, container } = machine
  const name = { linux: 'Linux', darwin: 'macOS' }[platform] ?? platform
  const user = uid === null ? [] : [uid === 0 ? 'root' : `user ${uid}`]
  const confined = machine.rootIsLimited || machine.userNamespace
  const limits = [
    ...(container === null || !confined ? [] : [`in a ${container} container`]),
    ...(machine.rootIsLimited ? ['no CAP_SYS_ADMIN'] : []),
    ...(machine.userNamespace ? ['in a user namespace'] : []),
    ...(machine.noNewPrivileges ? ['no_new_privs'] : []),
    ...(machine.seccomp ? ['system calls filtered'] : []),
  ]
  return [`${name} ${kernel} ${architecture}`, ...user, ...limits].join(', ')
}

function cgroupText({ cgroups }: MachineReport): string {
  return {
    v2: 'v2',
    v1: 'v1',
    hybrid: 'v1 controllers beside a v2 tree',
    none: 'not mounted',
  }[cgroups]
}

/** 24.0 GB; below one GB in MB. */
function gb(amountMb: number): string {
  return amountMb < 1024 ? `${amountMb} MB` : `${(amountMb / 1024).toFixed(1)} GB`
}
