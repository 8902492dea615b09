// Extensions for tests, that do what the documented calls can, over HTTP.

import type { Test } from 'tap'
import { type Answer, open } from './open-channel.js'

export const api = '/2020-01-01/extension'

/** An environment with the external extensions `names` launched, and what an extension can do. */
export async function stage(t: Test, names: readonly string[] = ['agent']) {
  const opened = await open(t, false)
  const { channel, call } = opened
  for (const name of names) channel.extensions.announce(name)
  const register = (name: string, body = '{"events":["INVOKE","SHUTDOWN"]}', headers = {}) =>
    call('POST', `${api}/register`, body, { 'Lambda-Extension-Name': name, ...headers })
  const registered = async (name: string, body?: string): Promise<string> => {
    const answer = await register(name, body)
    t.equal(answer.status, 200, `${name} registers`)
    return String(answer.headers['lambda-extension-identifier'])
  }
  const asked = (count: number) => until(() => changesOf('extension-asked-next') >= count)
  const changesOf = (is: string) => opened.changes.filter((change) => change.is === is).length
  const next = (id: string) =>
    call('GET', `${api}/event/next`, undefined, { 'Lambda-Extension-Identifier': id })
  /** Registered, and waiting for its first event. */
  const ready = async (name: string, body?: string) => {
    const id = await registered(name, body)
    const before = changesOf('extension-asked-next')
    const event = next(id)
    // It is cut off where a test ends before its answer.
    event.catch(() => {})
    await asked(before + 1)
    return { id, event }
  }
  const fail = (phase: 'init' | 'exit', id: string, errorType = 'Extension.Broken') =>
    call('POST', `${api}/${phase}/error`, '{"errorMessage":"m","errorType":"t","stackTrace":[]}', {
      'Lambda-Extension-Identifier': id,
      'Lambda-Extension-Function-Error-Type': errorType,
    })
  return { ...opened, register, registered, next, ready, fail, asked }
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve))
}

export function isRefused(t: Test, answer: Answer, errorType: string, errorMessage: string): void {
  t.equal(answer.status, 403)
  t.match(answer.headers['content-type'], 'application/json')
  t.equal(answer.body, `${JSON.stringify({ errorMessage, errorType })}\n`)
}
