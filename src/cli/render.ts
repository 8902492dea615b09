// Records of the admin routes → the text that a person reads. Pure: no clock, no file, no stream.

import type {
  EnvironmentSummary,
  FreezeBackend,
  FunctionSummary,
  LogRecord,
  SandboxStatus,
  Status,
  Warning,
} from '../admin/contract.js'
import { messageLines, writerOf } from './event-lines.js'
import { platformText } from './platform-text.js'
import { duration, type Style, table } from './text.js'

export interface Page {
  readonly columns: number
  readonly style: Style
}

const backendNames: Readonly<Record<FreezeBackend, string>> = {
  v2: 'cgroup v2',
  v1: 'cgroup v1',
  signal: 'signals',
  none: 'off',
}

export function freezeMark(status: Status, style: Style): string {
  const { backend, network } = status.freezer
  const paint = { v2: style.green, v1: style.green, signal: style.yellow, none: style.red }[backend]
  const what = network ? ' and network' : ''
  return `${paint(backend === 'none' ? '○' : '●')} ${backendNames[backend]}${what}`
}

/** What is less than Lambda's, one phrase each. */
function reductions(sandbox: SandboxStatus): readonly string[] {
  const { isolation, filesystem, runtimeApi, cpu, memory, storage, guardian } = sandbox
  const hidden = isolation === 'none' ? '--isolation none' : 'no namespaces'
  const phrases: readonly (string | false)[] = [
    filesystem === 'none' && `functions see your files and processes (${hidden})`,
    filesystem === 'user-namespaces' && 'functions run under your own user, in a user namespace',
    runtimeApi === 'none' && 'a function can reach the Runtime API of another',
    cpu === 'duty-cycle' && 'CPU is allotted by stopping and continuing',
    (cpu === 'none' || cpu === 'off') && 'CPU is not allotted',
    memory === 'sampled' && 'memory is looked at every 50 ms',
    memory === 'none' && 'memory is not limited',
    storage === 'folder' && 'the size of /tmp is not enforced',
    guardian === 'no' && 'after a crash only the next start cleans up',
  ]
  return phrases.filter((phrase) => phrase !== false)
}

export function sandboxMark(sandbox: SandboxStatus, style: Style): string {
  if (reductions(sandbox).length === 0) return `${style.green('●')} complete`
  return sandbox.filesystem === 'none' ? `${style.red('○')} open` : `${style.yellow('◐')} reduced`
}

export function sandboxReasons(sandbox: SandboxStatus, page: Page): readonly string[] {
  const phrases = reductions(sandbox)
  if (phrases.length === 0) return []
  const text = `sandbox: ${phrases.join('; ')} (lambda-emu doctor tells why)`
  return wrap(text, page.columns - 2).map((line) => `  ${page.style.dim(line)}`)
}

export function freezeReasons(status: Status, page: Page): readonly string[] {
  const { backend, reason, escapes } = status.freezer
  const why = backend === 'v2' || reason === '' ? [] : [`not cgroup v2: ${reason}`]
  return [...why, ...escapes.map((what) => `not held still: ${what}`)].flatMap((text) =>
    wrap(text, page.columns - 2).map((line) => `  ${page.style.dim(line)}`),
  )
}

/** One warning a line, wrapped. */
export function renderWarnings(warnings: readonly Warning[], page: Page): readonly string[] {
  return warnings.flatMap(({ code, property, message }) => {
    const [first = '', ...rest] = wrap(`${code} ${property}: ${message}`, page.columns - 6)
    const marked = page.style.yellow(code) + first.slice(code.length)
    return [`! ${marked}`, ...rest.map((line) => `    ${line}`)]
  })
}

/** Breaks at spaces; a word that is longer than the width stays whole. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return line === '' ? lines : [...lines, line]
}

/** `status` for people. */
export function renderStatus(status: Status, page: Page): readonly string[] {
  const { style } = page
  const environments = Object.entries(status.environments).filter(([, amount]) => amount > 0)
  const phases = environments.map(([phase, amount]) => `${amount} ${phase}`).join(', ')
  const { total, failed } = status.invocations
  const rows = [
    ['project', status.project],
    ['Lambda', status.lambdaUrl],
    ...(status.httpUrl === null ? [] : [['HTTP', status.httpUrl]]),
    ...(status.apis.length === 0 ? [] : [['APIs', status.apis.map(({ url }) => url).join('  ')]]),
    ...(status.schedules.length === 0 ? [] : [['schedules', `${status.schedules.length}`]]),
    ['freeze', freezeMark(status, style)],
    ['sandbox', sandboxMark(status.sandbox, style)],
    ['functions', `${status.functions}`],
    ['environments', phases === '' ? 'none' : `${phases}; ${status.frozen} frozen`],
    ['memory', memoryBudgetText(status.memory)],
    ['invocations', `${total}${failed === 0 ? '' : `, ${style.red(`${failed} failed`)}`}`],
    ['events', status.events === 0 ? 'none waiting' : `${status.events} waiting`],
  ]
  const running = `running for ${duration(status.uptimeMs)}, pid ${status.pid}`
  return [
    `${style.bold(`lambda-emu ${status.version}`)}   ${running}   profile ${status.profile}`,
    ...rows.map(([name = '', value]) => `  ${name.padEnd(13)}${value}`),
    ...freezeReasons(status, page),
    ...sandboxReasons(status.sandbox, page),
  ]
}

function memoryBudgetText({ budgetMb, chargedMb, waiting }: Status['memory']): string {
  const use = budgetMb === null ? `${chargedMb} MB in use` : `${chargedMb} of ${budgetMb} MB in use`
  return waiting === 0 ? use : `${use}, ${waiting} waiting`
}

/** `list` for people. */
export function renderFunctions(
  functions: readonly FunctionSummary[],
  page: Page,
): readonly string[] {
  if (functions.length === 0) return ['no functions']
  const rows = functions.map((each) => [
    each.functionName,
    each.runtime,
    each.handler,
    `${each.memoryMb}`,
    `${each.timeoutSeconds}`,
    each.state,
    each.source,
    each.recordedOnly.join(' '),
  ])
  const all = [
    { title: 'FUNCTION', shrinkTo: 16 },
    { title: 'RUNTIME' },
    { title: 'HANDLER', shrinkTo: 12 },
    { title: 'MB', align: 'right' },
    { title: 'S', align: 'right' },
    { title: 'STATE' },
    { title: 'FROM' },
    { title: 'RECORDED ONLY', shrinkTo: 6 },
  ] as const
  const used = functions.some(({ recordedOnly }) => recordedOnly.length > 0)
    ? all
    : all.slice(0, -1)
  return table(used, rows, page.columns, page.style)
}

/** `environments` for people. `nowMs` is the daemon's now. */
export function renderEnvironments(
  environments: readonly EnvironmentSummary[],
  nowMs: number,
  page: Page,
): readonly string[] {
  if (environments.length === 0) return ['no environments: the first invocation starts one']
  const rows = environments.map((each) => [
    each.id,
    each.functionName,
    each.phase,
    duration(Math.max(0, nowMs - each.sinceMs)),
    suspensionText(each),
    memoryText(each),
    each.cpuMs === undefined ? '' : duration(each.cpuMs),
    `${each.invocations}`,
    each.pids.join(' '),
  ])
  const columns = [
    { title: 'ENV' },
    { title: 'FUNCTION', shrinkTo: 12 },
    { title: 'PHASE' },
    { title: 'SINCE', align: 'right' },
    { title: 'PROCESSES' },
    { title: 'MB', align: 'right' },
    { title: 'CPU', align: 'right' },
    { title: 'INVOKES', align: 'right' },
    { title: 'PIDS', shrinkTo: 5 },
  ] as const
  return table(columns, rows, page.columns, page.style)
}

function suspensionText(each: EnvironmentSummary): string {
  if (each.suspension !== 'frozen' || each.frozenForMs === undefined) return each.suspension
  return `frozen ${duration(each.frozenForMs)}`
}

function memoryText(each: EnvironmentSummary): string {
  return each.memoryUsedMb === undefined
    ? `${each.memoryMb}`
    : `${Math.round(each.memoryUsedMb)}/${each.memoryMb}`
}

/** What freeze, thaw and expire say. */
export function renderEnvironment(each: EnvironmentSummary): string {
  return `${each.id} (${each.functionName}) is ${each.phase}, its processes are ${each.suspension}`
}

export interface LogView {
  readonly style: Style
  readonly escape: boolean
  readonly clockTime: (epochMs: number) => string
  /** Name the function on each line: several are shown. */
  readonly named: boolean
}

/** One record of `logs`; a message of several lines is indented from its second on. */
export function renderLog(record: LogRecord, view: LogView): readonly string[] {
  const { style } = view
  const name = view.named ? `${record.functionName} ` : ''
  const mark = `${style.dim(view.clockTime(record.timeMs))} ${style.cyan(`${name}${writerOf(record)}`)}`
  const paint = record.source === 'platform' ? style.dim : (text: string) => text
  const message = record.source === 'platform' ? platformText(record.message) : record.message
  const [first = '', ...rest] = messageLines(message, view.escape)
  return [`${mark} ${paint(first)}`, ...rest.map((line) => `    ${paint(line)}`)]
}

/** An error for people: code and sentence, then what to do. */
export function renderError(
  error: { readonly code: string; readonly message: string; readonly hint: string },
  style: Style,
): readonly string[] {
  const lines = [`${style.red(error.code)}: ${error.message}`]
  return error.hint === '' ? lines : [...lines, `  ${error.hint}`]
}
