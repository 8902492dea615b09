// What a function meets in each mode: the value where everything can be had, and for every mode that differs its own, and why.

import type { AbilityName } from '../../src/admin/diagnosis.js'
import type { ModeName } from '../support/modes.js'

export interface Row {
  readonly behaviour: string
  /** The line of `lambda-emu doctor` that has to say exactly this value. */
  readonly ability?: AbilityName
  /** In the mode `root`, and wherever nothing else is said. */
  readonly value: string
  readonly but?: readonly Difference[]
}

export interface Difference {
  readonly modes: readonly ModeName[]
  readonly value: string
  readonly why: string
  /** By an option of `start`, of which `doctor` knows nothing. */
  readonly asked?: true
}

const withoutHelper = ['root-without-helper', 'user-without-helper'] as const
const withoutGroups = [
  'user',
  'user-no-new-privs',
  'user-without-helper',
  'user-namespace',
  'container',
] as const
/** Whoever may make a user namespace has a file system of its own in it. */
const inUserNamespaces = ['user', 'user-no-new-privs', 'user-namespace'] as const
const withoutNamespaces = [...withoutHelper, 'container'] as const

const noGroups = 'no control group can be made'
const noNamespaces = 'no namespace can be made, or nobody makes it'
const noHelper = 'only the native helper does that'

export const rows = [
  {
    behaviour: 'frozen by',
    ability: 'freeze',
    value: 'v2',
    but: [
      { modes: ['root-by-signal'], value: 'signal', why: '--freeze signal', asked: true },
      { modes: withoutGroups, value: 'signal', why: noGroups },
    ],
  },
  { behaviour: 'while frozen', value: 'nothing runs' },
  {
    behaviour: 'a handler of SIGCONT at the thaw',
    value: 'is not called',
    but: [
      {
        modes: ['root-by-signal', ...withoutGroups],
        value: 'is called',
        why: 'SIGCONT is how stopped processes go on',
      },
    ],
  },
  {
    behaviour: 'CPU given out by',
    ability: 'cpu',
    value: 'quota',
    but: [{ modes: withoutGroups, value: 'duty-cycle', why: noGroups }],
  },
  { behaviour: 'CPU at 256 MB', value: 'its share' },
  { behaviour: 'CPU at 512 MB', value: 'its share' },
  {
    behaviour: 'memory limited by',
    ability: 'memory',
    value: 'cgroup',
    but: [{ modes: withoutGroups, value: 'sampled', why: noGroups }],
  },
  { behaviour: '1 GB at 256 MB', value: 'signal: killed, Runtime.OutOfMemory' },
  { behaviour: 'Max Memory Used of an idle Node', value: 'what is resident' },
  { behaviour: 'Max Memory Used with 100 MB more', value: '100 MB more' },
  {
    behaviour: 'processes limited by',
    ability: 'processes',
    value: 'cgroup',
    but: [{ modes: withoutGroups, value: 'none', why: noGroups }],
  },
  { behaviour: 'descriptors', value: '1024' },
  {
    behaviour: 'file system of',
    ability: 'filesystem',
    value: 'namespaces',
    but: [
      { modes: inUserNamespaces, value: 'user-namespaces', why: 'only root makes others' },
      { modes: withoutNamespaces, value: 'none', why: noNamespaces },
    ],
  },
  {
    behaviour: 'user id',
    value: 'its own',
    but: [
      { modes: inUserNamespaces, value: '993', why: 'a number that is its own only in there' },
      { modes: withoutNamespaces, value: "the daemon's", why: noNamespaces },
    ],
  },
  {
    behaviour: 'processes that it sees',
    value: 'its own',
    but: [{ modes: withoutNamespaces, value: 'all', why: noNamespaces }],
  },
  {
    behaviour: 'task root',
    value: 'read-only',
    but: [{ modes: withoutNamespaces, value: 'writable', why: noNamespaces }],
  },
  {
    behaviour: 'HOME of the user',
    value: 'hidden',
    but: [{ modes: withoutNamespaces, value: 'readable', why: noNamespaces }],
  },
  {
    behaviour: 'variables of the daemon',
    value: 'hidden',
    but: [{ modes: withoutNamespaces, value: 'readable', why: noNamespaces }],
  },
  {
    behaviour: 'no_new_privs',
    value: 'set',
    but: [{ modes: withoutHelper, value: 'not set', why: noHelper }],
  },
  {
    behaviour: "another environment's Runtime API closed by",
    ability: 'runtimeApi',
    value: 'bpf',
    but: [
      {
        modes: ['root-by-signal'],
        value: 'host-name',
        why: 'the programs stand on v2 groups, and there are none with --freeze signal',
        asked: true,
      },
      { modes: inUserNamespaces, value: 'host-name', why: noGroups },
      { modes: withoutNamespaces, value: 'none', why: 'there is no hosts file of its own' },
    ],
  },
  {
    behaviour: '/tmp',
    value: 'its own',
    but: [
      { modes: withoutNamespaces, value: "the machine's; its own by TMPDIR", why: noNamespaces },
    ],
  },
  { behaviour: '/tmp after a timeout', value: 'kept' },
  { behaviour: '/tmp of an ended environment', value: 'gone' },
  {
    behaviour: '/tmp is',
    ability: 'storage',
    value: 'loop',
    but: [
      { modes: withoutGroups, value: 'folder', why: 'only root makes loop devices and mounts' },
      { modes: ['root-without-helper'], value: 'folder', why: noHelper },
    ],
  },
  {
    behaviour: '600 MB in a /tmp of 512 MB',
    value: 'ENOSPC',
    but: [
      {
        modes: ['root-without-helper', ...withoutGroups],
        value: 'written, and warned of once',
        why: 'a folder has no size',
      },
    ],
  },
  { behaviour: 'what it left running at a timeout', value: 'dead' },
  {
    behaviour: 'started by the helper',
    ability: 'launcher',
    value: 'yes',
    but: [{ modes: withoutHelper, value: 'no', why: 'there is none' }],
  },
  {
    behaviour: 'cleaned within 2 s of kill -9 of the daemon',
    ability: 'guardian',
    value: 'yes',
    but: [{ modes: withoutHelper, value: 'no', why: noHelper }],
  },
  { behaviour: 'after kill -9, at the latest at the next start', value: 'nothing is left' },
] as const satisfies readonly Row[]

export type Behaviour = (typeof rows)[number]['behaviour']

export interface Expected {
  readonly value: string
  /** Empty where nothing differs. */
  readonly why: string
  /** What `doctor` has to say. */
  readonly diagnosed: string
}

export function expectedIn(row: Row, mode: ModeName): Expected {
  const found = row.but?.filter(({ modes }) => modes.includes(mode)) ?? []
  const [difference, ...others] = found
  if (others.length > 0) throw new Error(`${row.behaviour} is said twice for ${mode}`)
  if (difference === undefined) return { value: row.value, why: '', diagnosed: row.value }
  const { value, why, asked } = difference
  return { value, why, diagnosed: asked ? row.value : value }
}
