// A real control group for one test, with processes that are in it before they do anything; all of it goes with the test.

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { Group, type GroupParents } from '../../src/cgroups/group.js'
import { ownIdentity } from '../../src/sandbox/identity.js'

export const wait = (durationMs: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, durationMs))

/** Returns once it holds. @throws Error after 20 s. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let round = 0; !holds(); round++) {
    if (round > 10_000) throw new Error(`never: ${what}`)
    await wait(2)
  }
}

let made = 0

export function makeGroup(t: Test, parents: GroupParents) {
  const { pid, startTime } = ownIdentity()
  made += 1
  // The first group bears a name that the sweep of a later start would know, should this process be killed.
  const name = `lambda-emu-probe-${pid}-${startTime}${made === 1 ? '' : `-${made}`}`
  const group = Group.make(name, parents)
  t.teardown(async () => {
    await group.killAll(wait)
    await group.remove(wait)
  })
  /** Runs a shell script in the group, with standard input open. `joined` settles before its first line runs. */
  const join = (script: string, ...words: string[]) => {
    const enter =
      'for procs do shift; [ "$procs" = -- ] && break; echo $$ >"$procs" || exit 1; done'
    const entered = `${enter}; echo in; ${script}`
    const argv = ['-c', entered, 'sh', ...group.joinPaths, '--', ...words]
    const child = spawn('/bin/sh', argv, { stdio: ['pipe', 'pipe', 'pipe'] })
    let output = ''
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const lines: string[] = []
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
    const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }))
    })
    const said = (line: string) => until(() => lines.includes(line), `"${line}" (${output})`)
    return { process: child, lines, said, joined: said('in'), ended, errors: () => output }
  }
  return { group, join }
}
