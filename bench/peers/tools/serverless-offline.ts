// serverless-offline on osls, the open continuation of the Serverless Framework 3; called over its Lambda API.
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PlannedFunction, Tool } from '../tool.js'
import { codeFile, writeCode } from './code.js'
import { lambdaInvoke } from './lambda-api.js'

const version = '14.8.2'
const frameworkVersion = '4.3.1'

function configuration(functions: readonly PlannedFunction[]): string {
  const named = functions.map((planned) => [
    planned.name,
    {
      handler: `${planned.name}/index.handler`,
      runtime: planned.language === 'node' ? 'nodejs20.x' : 'python3.11',
      memorySize: planned.memoryMb,
      timeout: planned.timeoutSeconds,
    },
  ])
  // JSON is YAML.
  return JSON.stringify({
    service: 'peers',
    provider: { name: 'aws', runtime: 'nodejs20.x', region: 'us-east-1' },
    plugins: ['serverless-offline'],
    custom: { 'serverless-offline': { noSponsor: true } },
    functions: Object.fromEntries(named),
  })
}

/** Its default run mode, worker threads; new code is served with --reloadHandler only, which gives up warm functions. */
export const serverlessOffline: Tool = {
  name: 'serverless-offline',
  version: `${version} (osls ${frameworkVersion})`,
  options:
    'osls offline start, worker threads (its default); the save row with --reloadHandler, without which saved code is not served',
  port: 3002,
  packages: [`osls@${frameworkVersion}`, `serverless-offline@${version}`],
  registry: 'npm',
  limits: {},
  prepare(folders, plan) {
    mkdirSync(folders.project, { recursive: true })
    const modules = join(folders.project, 'node_modules')
    if (!existsSync(modules)) symlinkSync(join(folders.installed, 'node_modules'), modules)
    for (const planned of plan.functions) writeCode(join(folders.project, planned.name), planned)
    writeFileSync(join(folders.project, 'serverless.yml'), configuration(plan.functions))
  },
  command: (folders, _plan, mode) => ({
    file: process.execPath,
    args: [
      join(folders.installed, 'node_modules/osls/bin/serverless.js'),
      'offline',
      'start',
      ...(mode === 'reload' ? ['--reloadHandler'] : []),
    ],
    cwd: folders.project,
    variables: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
  }),
  invoke: lambdaInvoke((name) => `peers-dev-${name}`),
  async save(_send, folders, planned) {
    writeFileSync(codeFile(join(folders.project, planned.name), planned), planned.source)
  },
}
