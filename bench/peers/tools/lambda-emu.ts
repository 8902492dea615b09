// lambda-emu of this checkout, started as a user starts it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tool } from '../tool.js'
import { codeFile, writeCode } from './code.js'
import { lambdaInvoke } from './lambda-api.js'

const checkout = join(import.meta.dirname, '../../../..')
const program = join(checkout, 'bin/lambda-emu.js')

function ownVersion(): string {
  const text = readFileSync(join(checkout, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** This checkout's own program, with freezing, CPU and memory limits and its file system on, as they are by default. */
export const lambdaEmu: Tool = {
  name: 'lambda-emu',
  version: ownVersion(),
  options: 'lambda-emu start (all defaults)',
  port: 3001,
  packages: [],
  registry: 'none',
  limits: {},
  prepare(folders, plan) {
    mkdirSync(folders.project, { recursive: true })
    const functions: Record<string, object> = {}
    for (const planned of plan.functions) {
      writeCode(join(folders.project, planned.name), planned)
      functions[planned.name] = {
        runtime: planned.language === 'node' ? 'nodejs20.x' : 'python3.11',
        handler: 'index.handler',
        code: `./${planned.name}`,
        memoryMb: planned.memoryMb,
        timeoutSeconds: planned.timeoutSeconds,
      }
    }
    writeFileSync(join(folders.project, 'lambda-emu.json'), JSON.stringify({ functions }))
  },
  command: (folders) => ({
    file: process.execPath,
    args: [program, 'start', folders.project],
    cwd: folders.project,
    variables: { XDG_STATE_HOME: join(folders.project, '../state') },
  }),
  invoke: lambdaInvoke((name) => name),
  async save(_send, folders, planned) {
    writeFileSync(codeFile(join(folders.project, planned.name), planned), planned.source)
  },
}
