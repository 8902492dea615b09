// Which event can meet an environment in which state: every pair that can be made, and why the others cannot.

import { environmentPhases } from '../../src/admin/contract.js'
import { assertNever } from '../../src/domain/assert.js'
import type { EnvironmentId } from '../../src/domain/brand.js'
import type {
  PhaseName,
  PlacementEvent,
  PlacementState,
  Suspension,
} from '../../src/placement/state.js'

/** What may happen to one environment: events by their name, those that end a command or a timer by what it was for. */
export const happenings = [
  'done:start',
  'done:deliver',
  'done:freeze',
  'done:thaw',
  'done:kill',
  'done:remove',
  'failed:start',
  'failed:freeze',
  'failed:remove',
  'registered',
  'asked-next:runtime',
  'asked-next:extension',
  'answered',
  'init-error',
  'exited:runtime',
  'exited:extension',
  'measured',
  'timer:deadline',
  'timer:init-limit',
  'timer:expiry',
  'timer:start-turn',
  'timer:claim',
  'user-froze',
  'user-thawed',
  'user-expired',
  'deployed',
  'deleted',
  'stopping',
] as const
export type Happening = (typeof happenings)[number]

export const phases: readonly PhaseName[] = environmentPhases
export const suspensions: readonly Suspension['is'][] = ['running', 'freezing', 'frozen', 'thawing']

/** The environments that an event is about, with the event's name, before the step that takes it. */
export function happeningsOf(
  state: PlacementState,
  event: PlacementEvent,
): readonly (readonly [env: EnvironmentId, happening: string])[] {
  const ofGeneration = (id: string, name: string) =>
    Object.values(state.environments)
      .filter(({ generation }) => generation === id)
      .map((environment): readonly [EnvironmentId, string] => [environment.id, name])
  switch (event.on) {
    case 'done':
    case 'failed': {
      const open = state.open[event.command]
      return open == null ? [] : [[open.env, `${event.on}:${open.do}`]]
    }
    case 'timer': {
      const purpose = state.timers[event.timer]
      return purpose === undefined || purpose.for === 'room'
        ? []
        : [[purpose.env, `timer:${purpose.for}`]]
    }
    case 'asked-next':
    case 'exited': {
      const who = event.participant === 'runtime' ? 'runtime' : 'extension'
      return [[event.env, `${event.on}:${who}`]]
    }
    case 'registered':
    case 'answered':
    case 'init-error':
    case 'measured':
    case 'user-froze':
    case 'user-thawed':
    case 'user-expired':
      return [[event.env, event.on]]
    case 'deployed':
      return event.replaces === undefined ? [] : ofGeneration(event.replaces, 'deployed')
    case 'deleted':
      return ofGeneration(event.generation, 'deleted')
    case 'stopping':
      return Object.values(state.environments).map(({ id }) => [id, 'stopping'])
    case 'submitted':
    case 'limits':
    case 'budget':
      return []
    default:
      return assertNever(event)
  }
}

type Where = readonly [phase: PhaseName, suspension: Suspension['is']]

const processesOf: readonly Happening[] = [
  'registered',
  'asked-next:runtime',
  'asked-next:extension',
  'answered',
  'init-error',
]
const exits: readonly Happening[] = ['exited:runtime', 'exited:extension']

/** Where each command may end, and each timer may fall due; all others tell of an environment at any time. */
const onlyIn: Partial<Readonly<Record<Happening, readonly string[]>>> = {
  // The processes of a start that is being undone are waited for.
  'done:start': ['initializing running', 'resetting running', 'shutting-down running'],
  'failed:start': ['initializing running', 'resetting running', 'shutting-down running'],
  'done:deliver': ['busy running', 'busy thawing'],
  // One that was forestalled is done as well: by a thaw, by an event, by a kill.
  'done:freeze': [
    'ready running',
    'ready freezing',
    'busy running',
    'resetting freezing',
    'shutting-down freezing',
  ],
  'failed:freeze': ['ready freezing'],
  'done:thaw': ['ready thawing', 'busy thawing'],
  'done:kill': [
    'resetting running',
    'resetting frozen',
    'shutting-down running',
    'shutting-down frozen',
  ],
  'done:remove': ['shutting-down running', 'shutting-down frozen'],
  'failed:remove': ['shutting-down running', 'shutting-down frozen'],
  'timer:deadline': ['busy running'],
  'timer:init-limit': ['initializing running'],
  'timer:start-turn': ['initializing running'],
  'timer:expiry': ['ready running', 'ready freezing', 'ready frozen', 'dormant running'],
  'timer:claim': ['busy running', 'resetting running', 'resetting frozen'],
  'user-froze': ['ready running'],
  'user-thawed': ['ready freezing', 'ready frozen'],
  'user-expired': ['ready running', 'ready freezing', 'ready frozen', 'dormant running'],
}

const refusals: readonly (readonly [
  why: string,
  applies: (where: Where, happening: Happening) => boolean,
])[] = [
  [
    'it is created and initialized, or removed and forgotten, within one step',
    ([phase]) => phase === 'created' || phase === 'gone',
  ],
  [
    'its processes are new or there are none: nothing is frozen',
    ([phase, suspension]) =>
      (phase === 'initializing' || phase === 'dormant') && suspension !== 'running',
  ],
  [
    'an event thaws it in the step that delivers it',
    ([phase, suspension]) =>
      phase === 'busy' && (suspension === 'freezing' || suspension === 'frozen'),
  ],
  [
    'a command ends, a timer falls due and a user has his way only where it was asked for',
    ([phase, suspension], happening) =>
      onlyIn[happening]?.includes(`${phase} ${suspension}`) === false,
  ],
  [
    'a thaw is done before anything else comes',
    ([, suspension], happening) => suspension === 'thawing' && onlyIn[happening] === undefined,
  ],
  [
    'a kill ends the freeze that is under way, before anything else comes',
    ([phase, suspension], happening) =>
      suspension === 'freezing' && phase !== 'ready' && onlyIn[happening] === undefined,
  ],
  [
    'what is frozen does nothing',
    ([, suspension], happening) => suspension === 'frozen' && processesOf.includes(happening),
  ],
  [
    'what died while it was frozen is dead already',
    ([phase, suspension], happening) =>
      phase === 'resetting' &&
      suspension === 'frozen' &&
      [...exits, 'measured'].includes(happening),
  ],
  [
    'there is no process in it',
    ([phase], happening) =>
      phase === 'dormant' && [...processesOf, ...exits, 'measured'].includes(happening),
  ],
  [
    'everybody in it waits',
    ([phase], happening) => phase === 'ready' && processesOf.includes(happening),
  ],
  [
    'its init is over',
    ([phase], happening) =>
      phase === 'busy' && (happening === 'registered' || happening === 'init-error'),
  ],
  [
    'nobody has an event yet',
    ([phase], happening) => phase === 'initializing' && happening === 'answered',
  ],
]

/** Why this event never meets an environment in this state; undefined when it may. */
export function refusal(where: Where, happening: Happening): string | undefined {
  return refusals.find(([, applies]) => applies(where, happening))?.[0]
}
