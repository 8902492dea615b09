// An emulator that a test holds: its journal and log are spoken by hand, its end too.

import type {
  Emulator,
  EmulatorOptions,
  FunctionSummary,
  JournalRecord,
  LogRecord,
  Status,
  Warning,
} from '../../src/admin/contract.js'
import type { Library } from '../../src/cli/terminal.js'
import { completeSandbox } from './stage.js'

/** Node 20 has no Promise.withResolvers. */
export function promiseToKeep() {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((keep) => {
    resolve = keep
  })
  return { promise, resolve }
}

export const orders: FunctionSummary = {
  functionName: 'orders',
  functionArn: 'arn:aws:lambda:eu-west-1:000000000000:function:orders',
  runtime: 'nodejs22.x',
  handler: 'index.handler',
  memoryMb: 256,
  timeoutSeconds: 6,
  state: 'Active',
  source: 'template',
  codeFolder: '/app/orders',
  recordedOnly: [],
}

export interface FakeWish {
  readonly project?: string
  readonly functions?: readonly FunctionSummary[]
  readonly warnings?: readonly Warning[]
  readonly status?: Partial<Status>
  readonly changes?: Partial<Emulator>
}

export function fakeEmulator(wish: FakeWish = {}) {
  const asked: EmulatorOptions[] = []
  const listeners: {
    journal?: (record: JournalRecord) => void
    log?: (record: LogRecord) => void
  } = {}
  let stops = 0
  const stopped = promiseToKeep()
  const started = promiseToKeep()
  const status = {
    project: wish.project ?? '/app',
    profile: 'local',
    lambdaUrl: 'http://127.0.0.1:3001',
    httpUrl: null,
    apis: [],
    schedules: [],
    startedAtMs: 0,
    uptimeMs: 1_000,
    freezer: { backend: 'v2', wanted: null, reason: '', escapes: [], network: false },
    sandbox: completeSandbox,
    invocations: { total: 0, failed: 0 },
    ...wish.status,
  } as unknown as Status
  const emulator = {
    lambdaUrl: status.lambdaUrl,
    httpUrl: status.httpUrl,
    adminUrl: 'http://127.0.0.1:3999',
    adminToken: 'secret',
    stateDirectory: '/state',
    warnings: wish.warnings ?? [],
    source: { path: undefined, suggestions: [] },
    functions: () => wish.functions ?? [],
    status: () => status,
    onJournal: (listener: (record: JournalRecord) => void) => {
      listeners.journal = listener
      return () => {}
    },
    onLog: (listener: (record: LogRecord) => void) => {
      listeners.log = listener
      started.resolve()
      return () => {}
    },
    stop: async () => {
      stops += 1
    },
    stopped: stopped.promise,
    ...wish.changes,
  } as unknown as Emulator
  const start = async (options: EmulatorOptions) => {
    asked.push(options)
    return emulator
  }
  const loadLibrary = async (): Promise<Library> => ({ startDaemon: start, startEmulator: start })
  return {
    emulator,
    asked,
    listeners,
    loadLibrary,
    stopped,
    started: started.promise,
    stops: () => stops,
  }
}
