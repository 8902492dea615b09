// lambda-emu env: shell lines that point clients at the emulator, or the variables of one function with where each comes from.

import type { FunctionVariable } from '../admin/contract.js'
import { connect, pageOf } from './connect.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import type { Page } from './render.js'
import { assignment, clientVariables, type Shell, shellOf } from './shell-variables.js'
import type { Terminal } from './terminal.js'
import { escapeControls, table } from './text.js'

export interface EnvArguments extends GlobalArguments {
  readonly function?: string
  readonly shell?: Shell
  readonly reveal: boolean
}

/** @throws EmulatorError EMU_FUNCTION_NOT_FOUND, and those of connect. */
export async function run(given: EnvArguments, terminal: Terminal): Promise<Outcome> {
  const { client } = connect(given, terminal)
  if (given.function !== undefined) {
    const variables = await client.variables(given.function)
    const shown = variables.map((each) => (given.reveal ? each : masked(each)))
    return once(shown, renderVariables(shown, pageOf(terminal.stdout, terminal)))
  }
  const status = await client.status()
  const [first] = await client.functions()
  const region = first?.functionArn.split(':')[3] ?? terminal.variables.AWS_REGION ?? 'us-east-1'
  const { lambdaUrl, httpUrl } = status
  const variables = clientVariables({ lambdaUrl, httpUrl, region }, terminal.variables)
  const shell = given.shell ?? shellOf(terminal.variables)
  const lines = Object.entries(variables).map(([name, value]) => assignment(shell, name, value))
  return once({ variables }, lines)
}

const secretName =
  /SECRET|PASSWORD|PASSWD|PASSPHRASE|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY/i
/** A password inside a URL. */
const secretValue = /^[a-z][a-z0-9+.-]*:\/\/[^/\s:@]*:[^/\s@]+@/i

/** By the looks of its name or value. Lambda's own are dummies. */
export function masked(variable: FunctionVariable): FunctionVariable {
  const { name, value, source } = variable
  if (source === 'Lambda') return variable
  const harmless = value === '' || name.endsWith('_URL') || name.endsWith('_ARN')
  if (secretName.test(name) && !harmless) return { ...variable, value: '********' }
  if (!secretValue.test(value)) return variable
  return { ...variable, value: value.replace(/:\/\/([^/\s:@]*):[^/\s@]+@/, '://$1:********@') }
}

export function renderVariables(
  variables: readonly FunctionVariable[],
  page: Page,
): readonly string[] {
  const rows = variables.map(({ name, value, source }) => [name, escapeControls(value), source])
  const columns = [
    { title: 'NAME' },
    { title: 'VALUE', shrinkTo: 20 },
    { title: 'FROM', shrinkTo: 12 },
  ] as const
  return table(columns, rows, page.columns, page.style)
}
