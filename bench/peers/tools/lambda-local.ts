// lambda-local as a server: one file, one function, run in the server's own process.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Folders, Plan, PlannedFunction, Tool } from '../tool.js'
import { codeFile, writeCode } from './code.js'

const version = '2.2.0'

function mainOf(plan: Plan): PlannedFunction {
  const main = plan.functions.find((planned) => planned.name === plan.main)
  if (!main) throw new Error(`the plan has no function ${plan.main}`)
  return main
}

function folderOf(folders: Folders, planned: PlannedFunction): string {
  return join(folders.project, planned.name)
}

/** Its watch mode. */
export const lambdaLocal: Tool = {
  name: 'lambda-local',
  version,
  options: 'lambda-local --watch -l <file> -t <timeout>',
  port: 8008,
  packages: [`lambda-local@${version}`],
  registry: 'npm',
  limits: {
    python: { cannot: 'runs Node functions only' },
    coldStart: { cannot: 'has no environments: each request loads the file into its own process' },
  },
  prepare(folders, plan) {
    writeCode(folderOf(folders, mainOf(plan)), mainOf(plan))
  },
  command(folders, plan) {
    const main = mainOf(plan)
    const program = join(folders.installed, 'node_modules/lambda-local/build/cli.js')
    const file = codeFile(folderOf(folders, main), main)
    return {
      file: process.execPath,
      args: [program, '--watch', '8008', '-l', file, '-t', `${main.timeoutSeconds}`],
      cwd: folders.project,
    }
  },
  invoke: (_name, payload) => ({
    method: 'POST',
    path: '/',
    body: JSON.stringify({ event: payload }),
  }),
  async save(_send, folders, planned) {
    writeFileSync(codeFile(folderOf(folders, planned), planned), planned.source)
  },
}
