// Architect's sandbox: a process for each request, behind an HTTP API; it serves no Lambda API.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Folders, PlannedFunction, Tool } from '../tool.js'

const version = '8.0.0'

function folderOf(folders: Folders, planned: PlannedFunction): string {
  return join(folders.project, 'src/http', `post-${planned.name}`)
}

function fileOf(folders: Folders, planned: PlannedFunction): string {
  return join(folderOf(folders, planned), planned.language === 'node' ? 'index.js' : 'lambda.py')
}

/** The last version that runs on Node 20; its default API type, HTTP API. */
export const architectSandbox: Tool = {
  name: '@architect/sandbox',
  version,
  options: 'sandbox --host localhost, called over its HTTP API; 8.0.0 is the last for Node 20',
  port: 3333,
  packages: [`@architect/sandbox@${version}`],
  registry: 'npm',
  limits: { warmNote: 'starts a process for each request' },
  prepare(folders, plan) {
    for (const planned of plan.functions) {
      mkdirSync(folderOf(folders, planned), { recursive: true })
      writeFileSync(fileOf(folders, planned), planned.source)
      if (planned.language === 'node') {
        const type = join(folderOf(folders, planned), 'package.json')
        writeFileSync(type, '{ "type": "commonjs" }\n')
      }
      const runtime = planned.language === 'node' ? 'nodejs20.x' : 'python3.11'
      const settings = `@aws\nruntime ${runtime}\nmemory ${planned.memoryMb}\ntimeout ${planned.timeoutSeconds}\n`
      writeFileSync(join(folderOf(folders, planned), 'config.arc'), settings)
    }
    const routes = plan.functions.map((planned) => `post /${planned.name}`).join('\n')
    writeFileSync(join(folders.project, 'app.arc'), `@app\npeers\n\n@http\n${routes}\n`)
  },
  command: (folders) => ({
    file: process.execPath,
    args: [
      join(folders.installed, 'node_modules/@architect/sandbox/src/cli/cli.js'),
      '--host',
      'localhost',
    ],
    cwd: folders.project,
    variables: { NO_UPDATE_NOTIFIER: '1' },
  }),
  invoke: (name, payload) => ({
    method: 'POST',
    path: `/${name}`,
    body: JSON.stringify(payload),
  }),
  async save(_send, folders, planned) {
    writeFileSync(fileOf(folders, planned), planned.source)
  },
}
