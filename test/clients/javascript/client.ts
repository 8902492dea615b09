// The JavaScript client under test: plays the plan with the unmodified @aws-sdk/client-lambda, a line of JSON a step.

import { readFileSync } from 'node:fs'
import {
  CreateFunctionCommand,
  type CreateFunctionCommandInput,
  DeleteFunctionCommand,
  GetFunctionCommand,
  GetFunctionConfigurationCommand,
  InvalidParameterValueException,
  InvokeCommand,
  type InvokeCommandInput,
  LambdaClient,
  LambdaServiceException,
  ListFunctionsCommand,
  RequestTooLargeException,
  ResourceConflictException,
  ResourceNotFoundException,
  type Runtime,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionActiveV2,
  waitUntilFunctionUpdatedV2,
} from '@aws-sdk/client-lambda'
import type { Plan } from '../plan.js'

const plan = JSON.parse(process.argv[2] ?? '') as Plan
const client = new LambdaClient(plan.endpoint === null ? {} : { endpoint: plan.endpoint })
const FunctionName = plan.functionName
const waiting = { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 }

function tell(step: string, facts: object): void {
  process.stdout.write(`${JSON.stringify({ step, ...facts })}\n`)
}

async function fails(step: string, kind: unknown, call: () => Promise<unknown>): Promise<void> {
  try {
    await call()
  } catch (error) {
    if (!(error instanceof LambdaServiceException)) throw error
    const { name, message, $metadata } = error
    const typed = typeof kind === 'function' && error instanceof kind
    return tell(step, { error: name, message, status: $metadata.httpStatusCode, typed })
  }
  tell(step, { error: null })
}

function creation(extra: Partial<CreateFunctionCommandInput> = {}): CreateFunctionCommand {
  return new CreateFunctionCommand({
    FunctionName,
    Runtime: plan.runtime as Runtime,
    Handler: plan.handler,
    Role: plan.role,
    Code: { ZipFile: readFileSync(plan.zip) },
    ...extra,
  })
}

function invocation(payload: string, extra: Partial<InvokeCommandInput> = {}): InvokeCommand {
  return new InvokeCommand({ FunctionName, Payload: Buffer.from(payload), ...extra })
}

async function invoke(step: string, command: InvokeCommand): Promise<void> {
  const answer = await client.send(command)
  tell(step, {
    status: answer.StatusCode,
    version: answer.ExecutedVersion ?? null,
    functionError: answer.FunctionError ?? null,
    payload: Buffer.from(answer.Payload ?? []).toString('utf8'),
    log: Buffer.from(answer.LogResult ?? '', 'base64').toString('utf8'),
  })
}

async function createAndRead(): Promise<void> {
  await fails('get-missing', ResourceNotFoundException, () =>
    client.send(new GetFunctionCommand({ FunctionName })),
  )
  const created = await client.send(creation())
  tell('create', {
    status: created.$metadata.httpStatusCode,
    state: created.State,
    runtime: created.Runtime,
    codeSha256: created.CodeSha256,
  })
  await waitUntilFunctionActiveV2(waiting, { FunctionName })
  tell('wait-active', {})
  await fails('create-again', ResourceConflictException, () => client.send(creation()))
  await fails('create-large-variables', InvalidParameterValueException, () =>
    client.send(
      creation({
        FunctionName: `${FunctionName}-large`,
        Environment: { Variables: { LARGE: plan.largeVariable } },
      }),
    ),
  )
  const list = await client.send(new ListFunctionsCommand({}))
  tell('list', { names: (list.Functions ?? []).map((each) => each.FunctionName) })
  const { Configuration, Code } = await client.send(new GetFunctionCommand({ FunctionName }))
  tell('get', {
    state: Configuration?.State,
    lastUpdateStatus: Configuration?.LastUpdateStatus,
    codeSha256: Configuration?.CodeSha256,
    repositoryType: Code?.RepositoryType,
  })
  const read = await client.send(new GetFunctionConfigurationCommand({ FunctionName }))
  tell('get-configuration', { memorySize: read.MemorySize, timeout: read.Timeout })
}

async function updateAndInvoke(): Promise<void> {
  const updated = await client.send(
    new UpdateFunctionConfigurationCommand({
      FunctionName,
      Timeout: 10,
      MemorySize: 256,
      Environment: { Variables: { GREETING: plan.greeting } },
    }),
  )
  tell('update-configuration', {
    memorySize: updated.MemorySize,
    timeout: updated.Timeout,
    variables: updated.Environment?.Variables,
  })
  await waitUntilFunctionUpdatedV2(waiting, { FunctionName })
  tell('wait-updated', {})
  const asked = { LogType: 'Tail', ClientContext: plan.clientContext } as const
  await invoke('invoke', invocation(plan.event, asked))
  const recoded = await client.send(
    new UpdateFunctionCodeCommand({ FunctionName, ZipFile: readFileSync(plan.secondZip) }),
  )
  tell('update-code', { codeSha256: recoded.CodeSha256, timeout: recoded.Timeout })
  await waitUntilFunctionUpdatedV2(waiting, { FunctionName })
  tell('wait-updated-code', {})
  await invoke('invoke-new-code', invocation(plan.event))
  await invoke('invoke-event', invocation(plan.asyncEvent, { InvocationType: 'Event' }))
  await invoke('invoke-dry-run', invocation(plan.event, { InvocationType: 'DryRun' }))
  await invoke('invoke-error', invocation(plan.failEvent))
  const large = readFileSync(plan.largePayload, 'utf8')
  await fails('invoke-large-in', RequestTooLargeException, () => client.send(invocation(large)))
  await invoke('invoke-large-out', invocation(plan.largeEvent))
}

async function removeAndMiss(): Promise<void> {
  const removed = await client.send(new DeleteFunctionCommand({ FunctionName }))
  tell('delete', { status: removed.$metadata.httpStatusCode })
  await fails('get-deleted', ResourceNotFoundException, () =>
    client.send(new GetFunctionCommand({ FunctionName })),
  )
  await fails('delete-deleted', ResourceNotFoundException, () =>
    client.send(new DeleteFunctionCommand({ FunctionName })),
  )
}

await createAndRead()
await updateAndInvoke()
await removeAndMiss()
client.destroy()
