// An emulator in one of the ways to reach a Runtime API, with the functions of the behaviour table on one official client.

import type { Test } from 'tap'
import { type AdminClient, createAdminClient } from '../../../src/admin/client.js'
import type { EmulatorOptions, EnvironmentSummary } from '../../../src/index.js'
import { until } from '../../support/daemon.js'
import {
  type Invoked,
  type InvokeOptions,
  type RunningEmulator,
  startWith,
  type WrittenFunction,
} from '../../support/in-process.js'
import type { OfficialClient } from './clients.js'

export interface Mode {
  readonly name: string
  readonly options: EmulatorOptions
  /** What the emulator must say of itself, so that no mode quietly becomes another. */
  readonly status: { readonly filesystem: string; readonly runtimeApi: string }
  /** AWS_LAMBDA_RUNTIME_API. */
  readonly runtimeApi: RegExp
}

export const modes: readonly Mode[] = [
  {
    name: "in the sandbox, at Lambda's own address",
    options: {},
    status: { filesystem: 'namespaces', runtimeApi: 'bpf' },
    runtimeApi: /^169\.254\.100\.1:9001$/,
  },
  {
    name: 'in the sandbox, at a secret host name',
    options: { freeze: 'signal' },
    status: { filesystem: 'namespaces', runtimeApi: 'host-name' },
    runtimeApi: /^[0-9a-f]{32}\.lambda-emu\.internal:\d+$/,
  },
  {
    name: 'without isolation',
    options: { isolation: 'none' },
    status: { filesystem: 'none', runtimeApi: 'none' },
    runtimeApi: /^127\.0\.0\.1:\d+$/,
  },
]

export interface FunctionSettings {
  readonly timeoutSeconds?: number
  readonly handler?: string
  readonly environment?: Readonly<Record<string, string>>
}

export interface World {
  readonly client: OfficialClient
  readonly mode: Mode
  readonly emu: RunningEmulator
  readonly admin: AdminClient
  /** Invokes a function; the event's `action` says what it does. */
  act(name: string, event: Action, options?: InvokeOptions): Promise<Invoked>
  /** The answer of an invocation that must succeed. */
  value(name: string, event: Action): Promise<unknown>
  /**
   * The environments of a function once each is idle and frozen, or has no process any more: only then is it sure
   * that the next call meets the same one, for a client may take its time before it asks for the next event.
   */
  atRest(name: string): Promise<readonly EnvironmentSummary[]>
}

export interface Action {
  readonly action: string
  readonly [detail: string]: unknown
}

type OfficialFunction = WrittenFunction & { readonly code: string }

function isAtRest({ phase, suspension }: EnvironmentSummary): boolean {
  return phase === 'dormant' || (phase === 'ready' && suspension === 'frozen')
}

export async function startWorld(
  t: Test,
  client: OfficialClient,
  mode: Mode,
  functions: Readonly<Record<string, FunctionSettings>>,
): Promise<World> {
  const described = Object.entries(functions).map(
    ([name, settings]): [string, OfficialFunction] => [
      name,
      {
        runtime: 'provided.al2023',
        handler: client.handler,
        timeoutSeconds: 30,
        code: client.folder,
        files: {},
        ...settings,
      },
    ],
  )
  const emu = await startWith(t, Object.fromEntries(described), mode.options)
  const { emulator } = emu
  const admin = createAdminClient({ adminUrl: emulator.adminUrl, token: emulator.adminToken })
  const act: World['act'] = (name, event, options) => emu.invoke(name, event, options)
  const of = async (name: string) =>
    (await admin.environments()).filter((each) => each.functionName === name)
  return {
    client,
    mode,
    emu,
    admin,
    act,
    value: async (name, event) => {
      const { functionError, text } = await act(name, event)
      if (functionError !== undefined) throw new Error(`${event.action} of ${name} failed: ${text}`)
      return JSON.parse(text)
    },
    atRest: async (name) => {
      let found: readonly EnvironmentSummary[] = []
      await until(`the environments of ${name} are at rest`, async () => {
        found = await of(name)
        return found.every(isAtRest)
      })
      return found
    },
  }
}
