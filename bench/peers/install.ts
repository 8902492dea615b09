// Installs the tools of the comparison into a cache folder, each with the exact version it is compared in.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Tool } from './tool.js'

/** Makes sure that a tool is installed in `folder`; throws with the installer's words when it cannot be. */
export async function install(tool: Tool, folder: string, say: (t: string) => void): Promise<void> {
  mkdirSync(folder, { recursive: true })
  if (tool.registry === 'none') return
  const stamp = join(folder, '.installed')
  const wanted = tool.packages.join(' ')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say(`installing ${wanted}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  if (tool.registry === 'npm') {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
    // serverless-offline names Serverless 4, which wants an account, as its peer; osls stands in for it.
    const options = ['--legacy-peer-deps', '--no-audit', '--no-fund', '--save-exact']
    await execa('npm', ['install', ...options, ...tool.packages], { cwd: folder })
  } else {
    await execa('python3', ['-m', 'venv', folder])
    await execa(join(folder, 'bin/pip'), ['install', '--quiet', ...tool.packages])
  }
  writeFileSync(stamp, wanted)
}
