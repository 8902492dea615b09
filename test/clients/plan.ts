// What every client does, step by step, and what it must be told: one plan for four clients and three ways to find the emulator.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Package, RuntimeName } from './packages.js'

/** What a client gets as its one argument, in JSON. */
/** Stands for the text of an error that was never recorded from AWS. */
export const unrecorded = '<unrecorded>'

export interface Plan {
  /** Null: by the environment variable that `surroundings` sets. */
  readonly endpoint: string | null
  readonly functionName: string
  readonly runtime: string
  readonly handler: string
  readonly role: string
  /** Paths of the package and of the one that replaces it. */
  readonly zip: string
  readonly secondZip: string
  /** A file with a JSON string of 7 MiB. */
  readonly largePayload: string
  readonly largeVariable: string
  readonly greeting: string
  /** Base64, as the API wants it. */
  readonly clientContext: string
  readonly event: string
  readonly asyncEvent: string
  readonly failEvent: string
  readonly largeEvent: string
}

/** A line of a client's output: the step's name and what the client saw. */
export interface Step {
  readonly step: string
  readonly [fact: string]: unknown
}

export type Finding = 'endpoint option' | 'AWS_ENDPOINT_URL_LAMBDA' | 'AWS_ENDPOINT_URL'

export interface Case {
  readonly finding: Finding
  readonly runtime: RuntimeName
}

/** Every way to name the endpoint and every kind of runtime, without their whole product. */
export const cases: readonly Case[] = [
  { finding: 'endpoint option', runtime: 'nodejs22.x' },
  { finding: 'AWS_ENDPOINT_URL_LAMBDA', runtime: 'python3.12' },
  { finding: 'AWS_ENDPOINT_URL', runtime: 'provided.al2023' },
]

export interface PlanOptions {
  readonly client: string
  readonly case: Case
  readonly url: string
  readonly built: Package
  readonly folder: string
}

const largeBytes = 7 * 1024 * 1024
/** One byte more than the 4 KB that names and values may take together as JSON. */
const largeVariable = 'x'.repeat(4_097 - '{"LARGE":""}'.length)

export function makePlan(options: PlanOptions): Plan {
  const { client, url, folder, built } = options
  const { finding, runtime } = options.case
  const functionName = `${client}-${runtime.replace(/\W/g, '')}`
  const marker = `${functionName} now`
  const largePayload = join(folder, 'large.json')
  writeFileSync(largePayload, JSON.stringify('x'.repeat(largeBytes - 2)))
  return {
    endpoint: finding === 'endpoint option' ? url : null,
    functionName,
    runtime,
    handler: built.handler,
    role: 'arn:aws:iam::000000000000:role/clients',
    zip: built.first,
    secondZip: built.second,
    largePayload,
    largeVariable,
    greeting: 'again',
    clientContext: Buffer.from('{"custom":{"colour":"blue"},"client":{},"env":{}}').toString(
      'base64',
    ),
    event: JSON.stringify({ marker }),
    asyncEvent: JSON.stringify({ marker: asyncMarker(functionName) }),
    failEvent: JSON.stringify({ marker, action: 'fail' }),
    largeEvent: JSON.stringify({ marker, action: 'large' }),
  }
}

/** What the function writes when the Event invocation has reached it. */
export function asyncMarker(functionName: string): string {
  return `${functionName} later`
}

/** A client's environment: dummy credentials, nobody's configuration files, and the endpoint where the case wants it. */
export function surroundings(finding: Finding, url: string, home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home,
    AWS_ACCESS_KEY_ID: 'dummy',
    AWS_SECRET_ACCESS_KEY: 'dummy',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    NO_PROXY: '127.0.0.1',
    ...(finding === 'endpoint option' ? {} : { [finding]: url }),
  }
}

const largeVariableMessage =
  'Lambda was unable to configure your environment variables because the environment variables you ' +
  `have provided exceeded the 4KB limit. String measured: {"LARGE":"${largeVariable}"}`

/** What the language calls the error that the function throws. */
const errorTypes: Readonly<Record<RuntimeName, string>> = {
  'nodejs22.x': 'RangeError',
  'python3.12': 'ValueError',
  'provided.al2023': 'errorString',
}

/**
 * What each step must tell, in order. `log` and the payload of an error hold what varies; `varying` takes them out.
 */
export function expectedSteps(plan: Plan): readonly Step[] {
  const { functionName, runtime } = plan
  const missing = {
    error: 'ResourceNotFoundException',
    message: `Function not found: arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    status: 404,
    typed: true,
  }
  const invoked = { status: 200, version: '$LATEST', functionError: null, log: '' }
  const answer = (version: string, colour: string | null) => ({
    version,
    marker: `${functionName} now`,
    greeting: plan.greeting,
    colour,
  })
  const unread = { version: null, functionError: null, payload: '', log: '' }
  return [
    { step: 'get-missing', ...missing },
    { step: 'create', status: 201, state: 'Pending', runtime, codeSha256: sha256(plan.zip) },
    { step: 'wait-active' },
    {
      step: 'create-again',
      error: 'ResourceConflictException',
      message: unrecorded,
      status: 409,
      typed: true,
    },
    {
      step: 'create-large-variables',
      error: 'InvalidParameterValueException',
      message: largeVariableMessage,
      status: 400,
      typed: true,
    },
    { step: 'list', names: [functionName] },
    {
      step: 'get',
      state: 'Active',
      lastUpdateStatus: 'Successful',
      codeSha256: sha256(plan.zip),
      repositoryType: 'S3',
    },
    { step: 'get-configuration', memorySize: 128, timeout: 3 },
    {
      step: 'update-configuration',
      memorySize: 256,
      timeout: 10,
      variables: { GREETING: plan.greeting },
    },
    { step: 'wait-updated' },
    { step: 'invoke', ...invoked, payload: answer('1', 'blue'), log: 'tail' },
    { step: 'update-code', codeSha256: sha256(plan.secondZip), timeout: 10 },
    { step: 'wait-updated-code' },
    { step: 'invoke-new-code', ...invoked, payload: answer('2', null) },
    { step: 'invoke-event', ...unread, status: 202 },
    { step: 'invoke-dry-run', ...unread, status: 204 },
    {
      step: 'invoke-error',
      ...invoked,
      functionError: 'Unhandled',
      payload: { errorMessage: 'as asked', errorType: errorTypes[runtime as RuntimeName] },
    },
    // AWS does not use the model's name for it, so that no client has a type for it.
    {
      step: 'invoke-large-in',
      typed: false,
      error: 'RequestEntityTooLargeException',
      message: 'Request must be smaller than 6291456 bytes for the InvokeFunction operation',
      status: 413,
    },
    {
      step: 'invoke-large-out',
      ...invoked,
      functionError: 'Unhandled',
      payload: {
        errorMessage:
          'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
        errorType: 'Function.ResponseSizeTooLarge',
      },
    },
    { step: 'delete', status: 204 },
    { step: 'get-deleted', ...missing },
    { step: 'delete-deleted', ...missing },
  ]
}

function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('base64')
}

/** Where a stack is, and which request it was, are not the clients' affair. */
const traceMembers: ReadonlySet<string> = new Set(['trace', 'stackTrace', 'requestId'])

/** A step with its payload read and without what varies: the tail is checked apart. */
export function comparable(step: Step): Step {
  const { payload, log } = step
  return {
    ...step,
    ...(typeof payload === 'string' && payload !== '' ? { payload: readPayload(payload) } : {}),
    ...(typeof log === 'string' && log !== '' ? { log: 'tail' } : {}),
  }
}

function readPayload(payload: string): unknown {
  const read: unknown = JSON.parse(payload)
  if (typeof read !== 'object' || read === null) return read
  return Object.fromEntries(Object.entries(read).filter(([name]) => !traceMembers.has(name)))
}

/** The whole tail of the invocation that asked for it. */
export function expectedTail(plan: Plan): RegExp {
  const line = escaped(`handling ${plan.functionName} now`)
  return new RegExp(
    [
      '^START RequestId: (?<id>[0-9a-f-]{36}) Version: \\$LATEST\n',
      `(?:\\S+\t\\k<id>\tINFO\t)?${line}\n`,
      'END RequestId: \\k<id>\n',
      'REPORT RequestId: \\k<id>\tDuration: [\\d.]+ ms\tBilled Duration: \\d+ ms\t',
      'Memory Size: 256 MB\tMax Memory Used: \\d+ MB\tInit Duration: [\\d.]+ ms\t\n$',
    ].join(''),
  )
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
