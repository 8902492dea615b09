// MiniStack, a Python emulator of many AWS services; its local executor keeps a process for each function, without Docker.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { PlannedFunction, Send, Tool } from '../tool.js'
import { zipOf } from './code.js'
import { lambdaInvoke } from './lambda-api.js'

const version = '1.5.33'

async function create(send: Send, planned: PlannedFunction): Promise<void> {
  const reply = await send({
    method: 'POST',
    path: '/2015-03-31/functions',
    body: JSON.stringify({
      FunctionName: planned.name,
      Runtime: planned.language === 'node' ? 'nodejs20.x' : 'python3.11',
      Role: 'arn:aws:iam::000000000000:role/peers',
      Handler: 'index.handler',
      Timeout: planned.timeoutSeconds,
      MemorySize: planned.memoryMb,
      Code: { ZipFile: await zipOf(planned) },
    }),
  })
  if (reply.status !== 201) throw new Error(`CreateFunction answered ${reply.status} ${reply.body}`)
}

/** The local executor, which is its default; functions are created and updated over Lambda's API. */
export const miniStack: Tool = {
  name: 'MiniStack',
  version,
  options: 'ministack (LAMBDA_EXECUTOR=local, its default), functions created over the Lambda API',
  port: 4566,
  packages: [`ministack==${version}`],
  registry: 'pypi',
  limits: {},
  prepare(folders) {
    mkdirSync(folders.project, { recursive: true })
  },
  command: (folders) => ({
    file: join(folders.installed, 'bin/ministack'),
    args: [],
    cwd: folders.project,
    variables: { BIND_HOST: '127.0.0.1' },
  }),
  async deploy(send, _folders, plan) {
    for (const planned of plan.functions) await create(send, planned)
  },
  invoke: lambdaInvoke((name) => name),
  async save(send, _folders, planned) {
    const reply = await send({
      method: 'PUT',
      path: `/2015-03-31/functions/${planned.name}/code`,
      body: JSON.stringify({ ZipFile: await zipOf(planned) }),
    })
    if (reply.status !== 200) {
      throw new Error(`UpdateFunctionCode answered ${reply.status} ${reply.body}`)
    }
  },
}
