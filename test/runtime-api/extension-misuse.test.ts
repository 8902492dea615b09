// Every misuse of the Extensions API with its exact answer.

import t from 'tap'
import { type Answer, delivery } from './open-channel.js'
import { api, isRefused, stage } from './open-extensions.js'

const unknownId = '99999999-9999-4999-8999-999999999999'
const denied = 'Error: State transition is not allowed'

t.test('every misuse has its exact answer', async (t) => {
  type Stage = Awaited<ReturnType<typeof stage>>
  const ids = (id: string | undefined) =>
    id === undefined ? {} : { 'Lambda-Extension-Identifier': id }
  const typed = { 'Lambda-Extension-Function-Error-Type': 'Extension.X' }
  const at = (path: string, headers: Record<string, string>) => (s: Stage) =>
    s.call(path === 'event/next' ? 'GET' : 'POST', `${api}/${path}`, undefined, headers)
  const moved = (from: string, to: string) => (id: string) =>
    `State transition from ${from} to ${to} failed for extension ${id}. ${denied}`
  const rows: readonly [
    claim: string,
    act: (s: Stage) => Promise<Answer> | Promise<readonly [Answer, string]>,
    errorType: string,
    message: string | ((id: string) => string),
  ][] = [
    [
      'no name',
      (s) => s.call('POST', `${api}/register`, '{}'),
      'Extension.InvalidExtensionName',
      'Empty extension name',
    ],
    [
      'an empty name',
      (s) => s.register(''),
      'Extension.InvalidExtensionName',
      'Empty extension name',
    ],
    [
      'no name goes before a bad body',
      (s) => s.register('', '{'),
      'Extension.InvalidExtensionName',
      'Empty extension name',
    ],
    [
      'an empty body',
      (s) => s.register('agent', ''),
      'InvalidRequestFormat',
      'unexpected end of JSON input',
    ],
    [
      'configuration keys',
      (s) => s.register('agent', '{"events":[],"configurationKeys":["a"]}'),
      'InvalidRequestFormat',
      'configurationKeys are deprecated; use environment variables instead',
    ],
    [
      'an unknown event',
      (s) => s.register('agent', '{"events":["INVOKE","WAKE"]}'),
      'Extension.InvalidEventType',
      'WAKE: ErrorInvalidEventType',
    ],
    [
      'an event in small letters',
      (s) => s.register('agent', '{"events":["invoke"]}'),
      'Extension.InvalidEventType',
      'invoke: ErrorInvalidEventType',
    ],
    [
      'an unknown event, internal',
      (s) => s.register('inside', '{"events":["WAKE"]}'),
      'Extension.InvalidEventType',
      'WAKE: ErrorInvalidEventType',
    ],
    [
      'SHUTDOWN for an internal one',
      (s) => s.register('inside', '{"events":["INVOKE","SHUTDOWN"]}'),
      'Extension.InvalidEventType',
      'SHUTDOWN: ShutdownEventNotSupportedForInternalExtension',
    ],
    [
      'an external one twice',
      async (s) => {
        await s.registered('agent')
        return s.register('agent')
      },
      'Extension.InvalidExtensionState',
      `State transition from Registered to Registered failed for extension agent. ${denied}`,
    ],
    [
      'an external one again when it is ready',
      async (s) => {
        await s.ready('agent')
        return s.register('agent')
      },
      'Extension.InvalidExtensionState',
      `State transition from Ready to Registered failed for extension agent. ${denied}`,
    ],
    [
      'an internal one twice',
      async (s) => {
        await s.registered('inside', '{"events":["INVOKE"]}')
        return s.register('inside', '{"events":["INVOKE"]}')
      },
      'Extension.InvalidExtensionState',
      'Extension with this name already registered',
    ],
    [
      'an internal one after the runtime’s first next',
      (s) => {
        s.channel.extensions.closeRegistration()
        return s.register('inside', '{"events":["INVOKE"]}')
      },
      'Extension.RegistrationClosed',
      'Extension registration closed already',
    ],
    [
      'the eleventh',
      async (s) => {
        for (let each = 1; each < 10; each += 1)
          await s.registered(`inside-${each}`, '{"events":[]}')
        return s.register('inside-10', '{"events":[]}')
      },
      'Extension.TooManyExtensions',
      'Extension limit (10) reached',
    ],
    [
      'next without an identifier',
      at('event/next', ids(undefined)),
      'Extension.MissingExtensionIdentifier',
      'Missing Lambda-Extension-Identifier header',
    ],
    [
      'next with an empty identifier',
      at('event/next', ids('')),
      'Extension.MissingExtensionIdentifier',
      'Missing Lambda-Extension-Identifier header',
    ],
    [
      'next with no UUID',
      at('event/next', ids('agent')),
      'Extension.InvalidExtensionIdentifier',
      'Invalid Lambda-Extension-Identifier',
    ],
    [
      'next with an unknown identifier',
      at('event/next', ids(unknownId)),
      'Extension.UnknownExtensionIdentifier',
      `Unknown extension ${unknownId}`,
    ],
    [
      'next of one that has not registered',
      (s) => s.next(s.channel.extensions.all[0]?.id ?? ''),
      'Extension.UnknownExtensionIdentifier',
      /** told below */ '',
    ],
    [
      'init/error without an identifier',
      at('init/error', typed),
      'Extension.MissingExtensionIdentifier',
      'Missing Lambda-Extension-Identifier header',
    ],
    [
      'init/error with no UUID',
      at('init/error', { ...typed, ...ids('x') }),
      'Extension.InvalidExtensionIdentifier',
      'Invalid Lambda-Extension-Identifier',
    ],
    [
      'init/error with an unknown identifier',
      at('init/error', { ...typed, ...ids(unknownId) }),
      'Extension.UnknownExtensionIdentifier',
      'Unknown Lambda-Extension-Identifier',
    ],
    [
      'init/error without a type goes before an unknown identifier',
      at('init/error', ids(unknownId)),
      'Extension.MissingHeader',
      'Lambda-Extension-Function-Error-Type not found',
    ],
    [
      'exit/error without an identifier',
      at('exit/error', typed),
      'Extension.MissingExtensionIdentifier',
      'Missing Lambda-Extension-Identifier header',
    ],
    [
      'exit/error with no UUID',
      at('exit/error', { ...typed, ...ids(`${unknownId}0`) }),
      'Extension.InvalidExtensionIdentifier',
      'Invalid Lambda-Extension-Identifier',
    ],
    [
      'exit/error with an unknown identifier',
      at('exit/error', { ...typed, ...ids(unknownId) }),
      'Extension.UnknownExtensionIdentifier',
      'Unknown Lambda-Extension-Identifier',
    ],
    [
      'exit/error without a type',
      async (s) => {
        const id = await s.registered('agent')
        return at('exit/error', ids(id))(s)
      },
      'Extension.MissingHeader',
      'Lambda-Extension-Function-Error-Type not found',
    ],
    [
      'a second next while one waits',
      async (s) => {
        const { id } = await s.ready('agent')
        return [await s.next(id), id] as const
      },
      'Extension.InvalidExtensionState',
      moved('Ready', 'Ready'),
    ],
    [
      'init/error after next',
      async (s) => {
        const { id } = await s.ready('agent')
        return [await s.fail('init', id), id] as const
      },
      'Extension.InvalidExtensionState',
      moved('Ready', 'InitError'),
    ],
    [
      'init/error in an invocation',
      async (s) => {
        const { id, event } = await s.ready('agent')
        s.channel.extensions.invoke(delivery())
        await event
        return [await s.fail('init', id), id] as const
      },
      'Extension.InvalidExtensionState',
      moved('Running', 'InitError'),
    ],
    [
      'next after init/error',
      async (s) => {
        const id = await s.registered('agent')
        await s.fail('init', id)
        return [await s.next(id), id] as const
      },
      'Extension.InvalidExtensionState',
      moved('InitError', 'Ready'),
    ],
    [
      'next after exit/error',
      async (s) => {
        const id = await s.registered('inside', '{"events":["INVOKE"]}')
        await s.fail('exit', id)
        return [await s.next(id), id] as const
      },
      'Extension.InvalidExtensionState',
      moved('ExitError', 'Ready'),
    ],
    [
      'exit/error after init/error',
      async (s) => {
        const id = await s.registered('agent')
        await s.fail('init', id)
        return [await s.fail('exit', id), id] as const
      },
      'Extension.InvalidExtensionState',
      moved('InitError', 'Exited'),
    ],
    [
      'init/error after exit/error',
      async (s) => {
        const id = await s.registered('agent')
        await s.fail('exit', id)
        return [await s.fail('init', id), id] as const
      },
      'Extension.InvalidExtensionState',
      moved('ExitError', 'InitError'),
    ],
    [
      'an external one that could not be launched registers',
      (s) => {
        s.channel.extensions.launchFailed('agent', 'UnknownError')
        return s.register('agent')
      },
      'Extension.InvalidExtensionState',
      `State transition from LaunchError to Registered failed for extension agent. ${denied}`,
    ],
  ]
  for (const [claim, act, errorType, message] of rows) {
    await t.test(claim, async (t) => {
      const s = await stage(t)
      const done = await act(s)
      const [answer, id] = 'status' in done ? [done, ''] : done
      const announced = `Unknown extension ${s.channel.extensions.all[0]?.id}`
      const expected = typeof message === 'function' ? message(id) : message
      isRefused(t, answer, errorType, expected === '' ? announced : expected)
    })
  }
})
