// The official runtime clients: where each one's function is, and in what they differ by design.

import { prepared } from '../prepared.js'

export type ClientName = 'nodejs' | 'nodejs24' | 'python' | 'go'

export interface OfficialClient {
  readonly name: ClientName
  readonly title: string
  /** Code folder: a bootstrap that starts the client, the client and its function. */
  readonly folder: string
  readonly handler: string
  /** Handler, or action, of the function that streams; undefined where the client cannot. */
  readonly streaming: { readonly handler: string; readonly action: string } | undefined
  /** Members of the error that the client posts, in its order, beside type and message. */
  readonly errorMembers: readonly string[]
  /** Goes on when the Runtime API refuses its answer; the others exit. */
  readonly outlivesRefusal: boolean
  /** What `abort` sent to itself ends as. */
  readonly aborted: string
  /** What a caller gets of a function whose code cannot be loaded. */
  readonly loadFailure: {
    readonly errorType: string
    readonly errorMessage: RegExp
    /** The error type that the client put into its header, or the platform's own. */
    readonly reported: string
  }
  /** The line that the language's own logger makes of `by the logger`; `<id>` stands for the request id. */
  readonly loggerLine: string
}

const timestamp = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z'

const nodejs: OfficialClient = {
  name: 'nodejs',
  title: 'aws-lambda-ric 3',
  folder: prepared.official.nodejs,
  handler: 'index.handler',
  streaming: { handler: 'index.streaming', action: 'stream' },
  errorMembers: ['errorType', 'errorMessage', 'trace'],
  outlivesRefusal: true,
  aborted: 'signal: aborted',
  loadFailure: { errorType: 'RowError', errorMessage: /^at load$/, reported: 'Runtime.Unknown' },
  loggerLine: `${timestamp}\t<id>\tWARN\tby the logger`,
}

export const officialClients: Readonly<Record<ClientName, OfficialClient>> = {
  nodejs,
  nodejs24: {
    ...nodejs,
    name: 'nodejs24',
    title: 'aws-lambda-ric 4 on Node 24',
    folder: prepared.official.nodejs24,
  },
  python: {
    name: 'python',
    title: 'awslambdaric',
    folder: prepared.official.python,
    handler: 'app.handler',
    // It has no streaming responses.
    streaming: undefined,
    errorMembers: ['errorMessage', 'errorType', 'requestId', 'stackTrace'],
    outlivesRefusal: false,
    aborted: 'signal: aborted',
    loadFailure: { errorType: 'RowError', errorMessage: /^at load$/, reported: 'Runtime.Unknown' },
    loggerLine: `\\[WARNING\\]\t${timestamp}\t<id>\tby the logger`,
  },
  go: {
    name: 'go',
    title: 'aws-lambda-go',
    folder: prepared.official.go,
    handler: 'bootstrap',
    streaming: { handler: 'bootstrap', action: 'stream' },
    // A stack only of a panic.
    errorMembers: ['errorMessage', 'errorType'],
    outlivesRefusal: false,
    // Go's own handler of the signal prints the goroutines and exits.
    aborted: 'exit status 2',
    // A panic before the client has begun: it has no way to tell of it.
    loadFailure: {
      errorType: 'Runtime.ExitError',
      errorMessage: /^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 2$/,
      reported: 'Runtime.ExitError',
    },
    loggerLine: '\\d{4}/\\d\\d/\\d\\d \\d\\d:\\d\\d:\\d\\d by the logger',
  },
}
