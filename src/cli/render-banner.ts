// What `start` says once, when everything answers: what there is, where, and which keys and commands to try. Pure.

import type { ApiSummary, FunctionSummary, Status, Warning } from '../admin/contract.js'
import {
  freezeMark,
  freezeReasons,
  type Page,
  renderWarnings,
  sandboxMark,
  sandboxReasons,
  wrap,
} from './render.js'
import { count, fit, padEnd, table } from './text.js'

export interface ShownKey {
  readonly key: string
  readonly does: string
}

export interface BannerFacts {
  readonly version: string
  readonly status: Status
  readonly functions: readonly FunctionSummary[]
  readonly warnings: readonly Warning[]
  readonly readyMs: number
  readonly suggestions: readonly { readonly command: string; readonly see: string }[]
  /** How to call this program again. */
  readonly program: string
  /** The project as the user would name it. */
  readonly project: string
  readonly region: string
  /** Hot keys that do something here; none without a keyboard. */
  readonly keys: readonly ShownKey[]
}

/** More would push the rest of the banner off the screen; `l` shows all. */
const routesMax = 15
/** More are a count: `w` shows them. */
const warningsMax = 3

export function renderBanner(facts: BannerFacts, page: Page): readonly string[] {
  const { style } = page
  const { status, keys } = facts
  const head = [
    style.bold(`lambda-emu ${facts.version}`),
    `freeze ${freezeMark(status, style)}`,
    `sandbox ${sandboxMark(status.sandbox, style)}`,
    style.dim(`profile ${status.profile}`),
  ]
  return [
    head.join('   '),
    ...freezeReasons(status, page),
    ...sandboxReasons(status.sandbox, page),
    '',
    ...functionLines(facts, page),
    ...apiLines(status, page, keys.length > 0 ? routesMax : Number.POSITIVE_INFINITY),
    ...scheduleLines(status, page),
    ...warningLines(facts, page),
    '',
    `  Lambda   ${style.cyan(status.lambdaUrl)}`,
    ...(status.httpUrl === null ? [] : [`  HTTP     ${style.cyan(status.httpUrl)}`]),
    `  ${style.green(`ready in ${Math.round(facts.readyMs)} ms`)}`,
    '',
    ...tryLines(facts, page),
    ...(keys.length > 0 ? ['', ...keyLines(keys, page)] : []),
    '',
    style.dim('  Ctrl-C stops it, and every process that it started.'),
    '',
  ]
}

function functionLines(facts: BannerFacts, page: Page): readonly string[] {
  const { functions, project, status } = facts
  const parts = [
    count(functions.length, 'function'),
    ...(status.apis.length === 0 ? [] : [count(status.apis.length, 'API')]),
    ...(status.schedules.length === 0 ? [] : [count(status.schedules.length, 'schedule')]),
  ]
  const head = `  ${project}   ${parts.join(' · ')}`
  if (functions.length === 0) {
    return [
      head,
      '  Make one through the Lambda API, or start with a folder that has a template.yaml.',
    ]
  }
  const rows = functions.map((each) => [
    each.functionName,
    each.runtime,
    `${each.memoryMb} MB`,
    `${each.timeoutSeconds} s`,
  ])
  const columns = [
    { title: '', shrinkTo: 16 },
    { title: '' },
    { title: '', align: 'right' },
    { title: '', align: 'right' },
  ] as const
  const [, ...lines] = table(columns, rows, page.columns - 4, page.style)
  return [head, ...lines.map((line) => `    ${line}`)]
}

/** Every API with its address and routes: `GET  /orders/{id} → orders`. */
export function apiLines(
  { apis }: Pick<Status, 'apis'>,
  page: Page,
  routesShownMax = Number.POSITIVE_INFINITY,
): readonly string[] {
  let left = routesShownMax
  return apis.flatMap((api) => {
    const shown = api.routes.slice(0, Math.max(0, left))
    left -= shown.length
    const hidden = api.routes.length - shown.length
    const more =
      hidden === 0 ? [] : [page.style.dim(`    … and ${count(hidden, 'route')} more (press l)`)]
    const head = `  ${page.style.bold(api.logicalId)}   ${page.style.cyan(api.url)}`
    return ['', head, ...routeLines({ ...api, routes: shown }, page), ...more]
  })
}

/** Longer paths push their function to the right. */
const pathWidthMax = 40

function routeLines({ routes }: ApiSummary, page: Page): readonly string[] {
  const methodWidth = Math.max(0, ...routes.map(({ method }) => method.length))
  // The $default route of an HTTP API has no path of its own.
  const pathOf = ({ method, path }: ApiSummary['routes'][number]) => (path === method ? '' : path)
  const pathWidth = Math.max(0, ...routes.map((route) => pathOf(route).length))
  return routes.map((route) => {
    const path = padEnd(pathOf(route), Math.min(pathWidth, pathWidthMax))
    const { method, functionName } = route
    const to = functionName === null ? page.style.dim('answered by the API') : `→ ${functionName}`
    const text = `${padEnd(method, methodWidth)}  ${path}`
    return `    ${fit(text, Math.max(20, page.columns - 30))} ${to}`
  })
}

export function scheduleLines(
  { schedules }: Pick<Status, 'schedules'>,
  page: Page,
): readonly string[] {
  if (schedules.length === 0) return []
  const lines = schedules.map(({ name, expression, functionName, enabled }) => {
    const off = enabled ? '' : page.style.dim('   disabled')
    return `    ${name}   ${expression} → ${functionName}${off}`
  })
  return ['', `  ${page.style.bold('Schedules')}`, ...lines]
}

function warningLines({ warnings, keys, program }: BannerFacts, page: Page): readonly string[] {
  const [first] = warnings
  if (first === undefined) return []
  const folded = warnings.length > warningsMax && keys.length > 0
  if (!folded) {
    const more = page.style.dim(`  what to do about it: ${program} explain ${first.code}`)
    return ['', ...renderWarnings(warnings, page).map((line) => `  ${line}`), more]
  }
  const amounts = new Map<string, number>()
  for (const { code } of warnings) amounts.set(code, (amounts.get(code) ?? 0) + 1)
  const kinds = [...amounts].map(([code, amount]) => (amount === 1 ? code : `${code} × ${amount}`))
  const text = `${count(warnings.length, 'warning')}: ${kinds.join(', ')} (press w)`
  return ['', ...wrap(text, page.columns - 6).map((line) => `  ! ${page.style.yellow(line)}`)]
}

/** A box as wide as its keys, or one line each where they do not fit. */
export function keyLines(keys: readonly ShownKey[], page: Page): readonly string[] {
  const texts = keys.map(({ key, does }) => ({ plain: `[${key}] ${does}`, key, does }))
  const rows: (typeof texts)[] = [[]]
  for (const text of texts) {
    const row = rows.at(-1) ?? []
    const width = [...row, text].reduce((sum, { plain }) => sum + plain.length + 3, 3)
    if (row.length > 0 && width > page.columns - 4) rows.push([text])
    else row.push(text)
  }
  const plainOf = (row: typeof texts) => row.map(({ plain }) => plain).join('   ')
  const inner = Math.max(...rows.map((row) => plainOf(row).length))
  const line = (left: string, right: string) =>
    page.style.dim(`  ${left}${'─'.repeat(inner + 2)}${right}`)
  const bar = page.style.dim('│')
  return [
    line('╭', '╮'),
    ...rows.map((row) => {
      const text = row.map(({ key, does }) => `${page.style.bold(`[${key}]`)} ${does}`).join('   ')
      return `  ${bar} ${text}${' '.repeat(inner - plainOf(row).length)} ${bar}`
    }),
    line('╰', '╯'),
  ]
}

function tryLines(facts: BannerFacts, page: Page): readonly string[] {
  const { status, program, region, functions } = facts
  const proposed = facts.suggestions.map(({ command }) => command.split(' ')[1])
  const first = functions.find(({ functionName }) => functionName === proposed[0]) ?? functions[0]
  if (first === undefined) return [`  Try   ${program} status`]
  const own =
    facts.suggestions.length === 0
      ? [{ command: `invoke ${first.functionName}`, see: '' }]
      : facts.suggestions
  const aws = [
    `aws lambda invoke --endpoint-url ${status.lambdaUrl} --region ${region} \\`,
    `  --no-sign-request --function-name ${first.functionName} /dev/stdout`,
  ]
  return [
    '  Try, in another terminal:',
    ...own.flatMap(({ command, see }) => [
      `    ${page.style.bold(`${program} ${command}`)}`,
      ...(see === ''
        ? []
        : wrap(see, page.columns - 8).map((line) => `      ${page.style.dim(line)}`)),
    ]),
    ...aws.map((line) => `    ${page.style.bold(line)}`),
  ]
}
