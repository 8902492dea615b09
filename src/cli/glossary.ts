// What the short words and codes of the command line mean: `lambda-emu explain <word>`. Pure.

import { type EmulatorErrorCode, emulatorErrors, exitCodes } from '../domain/emulator-error.js'

export interface Meaning {
  readonly what: string
  /** What to do about it; empty when there is nothing to do. */
  readonly advice: string
}

/** Every warning code; a test finds them in the sources. */
export const warningMeanings: Readonly<Record<string, Meaning>> = {
  W_NOT_EMULATED: {
    what: 'a property or resource of the template is known and has no effect here: the function may behave differently on AWS',
    advice: 'test what depends on it on AWS; `start --strict` makes it an error',
  },
  W_UNKNOWN_PROPERTY: {
    what: 'no AWS document knows this property: most likely its name is misspelt',
    advice: 'correct its name, or remove it',
  },
  W_UNRESOLVED: {
    what: 'a reference or intrinsic function of the template has no value on this machine',
    advice: 'give one with --parameter, --import-value or --env',
  },
  W_FUNCTION_LEFT_OUT: {
    what: 'a function is not there: its runtime, or its kind of package, cannot be run here',
    advice: 'the other functions are served; `lambda-emu list` shows them',
  },
  W_LAYER_NOT_LOCAL: {
    what: 'a layer is on AWS and not on this machine, so /opt lacks its files',
    advice: 'name a local folder or zip file as ContentUri of a layer in the template',
  },
  W_ROUTE_LEFT_OUT: {
    what: 'a route, a schedule or a whole API of the template is not served',
    advice: 'the message says what it would have needed',
  },
  W_UNKNOWN_FUNCTION: {
    what: 'variables were given for a function that the project does not have',
    advice: 'use its logical id or its name, as `lambda-emu list` shows it',
  },
  W_MODULES_OUTSIDE: {
    what: 'a function uses Node modules that lie outside its code folder: AWS would not have them',
    advice: 'install them below CodeUri, or bundle the function, before it is deployed',
  },
  W_MODULES_LEFT_OUT: {
    what: 'Node modules that lie outside the code folder could not be shown to the function',
    advice: 'install them below CodeUri',
  },
  W_CODE_LIVE: {
    what: 'a code folder is too large to be copied at each change, so requests in flight may see files change',
    advice: 'keep what is not code out of CodeUri',
  },
  W_WATCH_LIMIT: {
    what: 'the kernel watches no more files for this user, so changes are looked for now and then instead',
    advice: 'raise fs.inotify.max_user_watches with sysctl',
  },
  W_GUARDIAN: {
    what: 'no guardian could be started: after a crash only the next start cleans up',
    advice: '`lambda-emu doctor` tells why',
  },
  W_SWEEP: {
    what: 'something that a dead emulator left could not be removed',
    advice: 'the message names it; remove it by hand when nothing uses it',
  },
  W_PIDS_MAX: {
    what: 'the number of tasks of a function is not limited as on AWS',
    advice: '`lambda-emu doctor` tells why',
  },
}

/** The words of event lines, tables and the banner. */
export const words: Readonly<Record<string, string>> = {
  cold: 'a cold start: a new environment was started for this request, and its init ran first',
  warm: 'an environment that had served before took the request: its processes were thawed, nothing was started',
  init: 'the init phase: from the start of the process to its first request for an event; code outside the handler runs there',
  frozen:
    'every process of the environment stands still, as on AWS between requests: no timer, thread or socket goes on until the next request',
  'after … frozen': 'how long the environment had been frozen when this request thawed it',
  thawed:
    'the processes run again; timers that fell due meanwhile fire at once, and peers may have closed sockets',
  dormant:
    'an environment without a process, whose /tmp is kept: the next request starts the process again',
  resetting:
    'a timeout or crash ended the processes; the next request starts them anew, with the same /tmp',
  'shutting-down':
    'the environment has expired, was replaced, or gave way: its processes get their shutdown phase and end',
  refused: 'the request never ran: throttled, or no memory was free in time',
  waited: 'the request stood in a queue first, for a slot or for memory (--memory-budget)',
  fault:
    'the platform ended the invocation: crash, out of memory, failed init, too large a response',
  timeout: 'the function took longer than its Timeout: its processes were killed',
  'event, attempt 2': 'an asynchronous invocation; after an error Lambda tries it twice more',
  REPORT:
    "Lambda's last line of an invocation: its duration, what would be billed, memory size and the most memory used",
  '● complete':
    'every environment has its own files, processes, network rules, CPU share and memory limit',
  '◐ reduced': 'something of the sandbox is missing on this machine; the lines below say what',
  '○ open': 'functions see the files and processes that you see',
  'cgroup v2': "frozen by the kernel's own freezer, all processes at once",
  signals: 'frozen with SIGSTOP and SIGCONT, one process after the other',
  'profile local': 'figures for development: no delay is added to what this machine takes',
}

/** Exit codes in words, in the order of their numbers. */
export const exitMeanings: readonly (readonly [number, string])[] = [
  [exitCodes.ok, 'done'],
  [exitCodes.functionFailed, 'the function failed: its error is on standard output'],
  [exitCodes.usage, 'a wrong command line, configuration or template'],
  [exitCodes.daemon, 'no emulator is running, or it cannot run here'],
  [exitCodes.throttled, 'the invocation was throttled'],
  [exitCodes.timedOut, 'the function timed out'],
  [
    exitCodes.commandNotFound,
    '`exec`: the command cannot be run; other codes of `exec` are the command’s own',
  ],
  [exitCodes.interrupted, 'ended by a second Ctrl-C; `exec`: 128 and the signal’s number'],
]

/** Lines that explain a code or word of ours; undefined for what is none. */
export function meaningOf(text: string): readonly string[] | undefined {
  const code = text.toUpperCase()
  if (Object.hasOwn(emulatorErrors, code)) return errorLines(code as EmulatorErrorCode)
  const warning = Object.hasOwn(warningMeanings, code) ? warningMeanings[code] : undefined
  if (warning !== undefined) {
    return [`${code}: a warning; everything else works`, `  ${warning.what}`, `  ${warning.advice}`]
  }
  const word = Object.keys(words).find((each) => each.toLowerCase() === text.toLowerCase())
  return word === undefined ? undefined : [`${word}: ${words[word]}`]
}

function errorLines(code: EmulatorErrorCode): readonly string[] {
  const { message, hint, blame, exitCode } = emulatorErrors[code]
  const whose = { user: 'what was asked for', machine: 'this machine' }
  const text = (template: string) => template.replace(/\{(\w+)\}/g, '<$1>')
  return [
    `${code}: an error about ${whose[blame]}; exit code ${exitCode}`,
    `  ${text(message)}`,
    ...(hint === '{advice}' ? [] : [`  ${text(hint)}`]),
  ]
}
