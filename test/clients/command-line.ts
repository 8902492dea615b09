// The AWS command line as a client of the plan: a process for every step.

import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Plan, Step } from './plan.js'
import { prepared } from './prepared.js'

type Told = Readonly<Record<string, unknown>>

interface Failed {
  readonly stderr: string
}

function isFailed(error: unknown): error is Failed {
  return error instanceof Error && 'stderr' in error
}

export async function commandLine(plan: Plan, env: NodeJS.ProcessEnv): Promise<readonly Step[]> {
  const steps: Step[] = []
  const tell = (step: string, facts: Told = {}) => {
    steps.push({ step, ...facts })
  }
  const aws = awsCommand(plan, env)
  const named = ['--function-name', plan.functionName]
  const folder = mkdtempSync(join(env.HOME ?? '', 'outputs-'))

  async function fails(step: string, args: readonly string[]): Promise<void> {
    try {
      await aws(args)
      tell(step, { error: null })
    } catch (error) {
      const stderr = isFailed(error) ? error.stderr : ''
      const said = /An error occurred \((\w+)\) when calling the \w+ operation: (.*)$/s.exec(stderr)
      if (said === null) throw error
      tell(step, { error: said[1], message: said[2]?.trimEnd() })
    }
  }

  async function invoke(step: string, payload: string, extra: readonly string[] = []) {
    const output = join(folder, step)
    const answer = await aws(['invoke', ...named, '--payload', payload, ...extra, output])
    const log = typeof answer.LogResult === 'string' ? answer.LogResult : ''
    tell(step, {
      status: answer.StatusCode,
      version: answer.ExecutedVersion ?? null,
      functionError: answer.FunctionError ?? null,
      payload: readFileSync(output, 'utf8'),
      log: Buffer.from(log, 'base64').toString('utf8'),
    })
  }

  await createAndRead({ plan, aws, fails, tell })
  await updateAndInvoke({ plan, aws, fails, tell, invoke })
  const removed = await aws(['delete-function', ...named])
  tell('delete', { status: removed.StatusCode })
  await fails('get-deleted', ['get-function', ...named])
  await fails('delete-deleted', ['delete-function', ...named])
  return steps
}

type Aws = (args: readonly string[]) => Promise<Told>

function awsCommand(plan: Plan, env: NodeJS.ProcessEnv): Aws {
  const option = plan.endpoint === null ? [] : ['--endpoint-url', plan.endpoint]
  return async (args) => {
    const { stdout } = await promisify(execFile)(
      prepared.aws,
      ['lambda', ...option, '--output', 'json', ...args],
      { env, maxBuffer: 64 * 1024 * 1024 },
    )
    return stdout.trim() === '' ? {} : (JSON.parse(stdout) as Told)
  }
}

interface Playing {
  readonly plan: Plan
  readonly aws: Aws
  readonly fails: (step: string, args: readonly string[]) => Promise<void>
  readonly tell: (step: string, facts?: Told) => void
}

function creation(plan: Plan, functionName = plan.functionName): readonly string[] {
  return [
    'create-function',
    ...['--function-name', functionName, '--runtime', plan.runtime, '--handler', plan.handler],
    ...['--role', plan.role, '--zip-file', `fileb://${plan.zip}`],
  ]
}

async function createAndRead({ plan, aws, fails, tell }: Playing): Promise<void> {
  const named = ['--function-name', plan.functionName]
  await fails('get-missing', ['get-function', ...named])
  const { State, Runtime, CodeSha256 } = await aws(creation(plan))
  tell('create', { state: State, runtime: Runtime, codeSha256: CodeSha256 })
  await aws(['wait', 'function-active-v2', ...named])
  tell('wait-active')
  await fails('create-again', creation(plan))
  await fails('create-large-variables', [
    ...creation(plan, `${plan.functionName}-large`),
    ...['--environment', JSON.stringify({ Variables: { LARGE: plan.largeVariable } })],
  ])
  const list = await aws(['list-functions'])
  const listed = list.Functions as readonly { readonly FunctionName: string }[]
  tell('list', { names: listed.map(({ FunctionName }) => FunctionName) })
  const got = await aws(['get-function', ...named])
  const configuration = got.Configuration as Told
  tell('get', {
    state: configuration.State,
    lastUpdateStatus: configuration.LastUpdateStatus,
    codeSha256: configuration.CodeSha256,
    repositoryType: (got.Code as Told).RepositoryType,
  })
  const read = await aws(['get-function-configuration', ...named])
  tell('get-configuration', { memorySize: read.MemorySize, timeout: read.Timeout })
}

interface Invoking extends Playing {
  readonly invoke: (step: string, payload: string, extra?: readonly string[]) => Promise<void>
}

async function updateAndInvoke({ plan, aws, fails, tell, invoke }: Invoking): Promise<void> {
  const named = ['--function-name', plan.functionName]
  const updated = await aws([
    'update-function-configuration',
    ...[...named, '--timeout', '10', '--memory-size', '256'],
    ...['--environment', JSON.stringify({ Variables: { GREETING: plan.greeting } })],
  ])
  tell('update-configuration', {
    memorySize: updated.MemorySize,
    timeout: updated.Timeout,
    variables: (updated.Environment as Told).Variables,
  })
  await aws(['wait', 'function-updated-v2', ...named])
  tell('wait-updated')
  const asked = ['--log-type', 'Tail', '--client-context', plan.clientContext]
  await invoke('invoke', plan.event, asked)
  const recoded = await aws([
    ...['update-function-code', ...named, '--zip-file', `fileb://${plan.secondZip}`],
  ])
  tell('update-code', { codeSha256: recoded.CodeSha256, timeout: recoded.Timeout })
  await aws(['wait', 'function-updated-v2', ...named])
  tell('wait-updated-code')
  await invoke('invoke-new-code', plan.event)
  await invoke('invoke-event', plan.asyncEvent, ['--invocation-type', 'Event'])
  await invoke('invoke-dry-run', plan.event, ['--invocation-type', 'DryRun'])
  await invoke('invoke-error', plan.failEvent)
  const large = `fileb://${plan.largePayload}`
  await fails('invoke-large-in', ['invoke', ...named, '--payload', large, '/dev/null'])
  await invoke('invoke-large-out', plan.largeEvent)
}
