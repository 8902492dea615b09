// What is wrong with the user's configuration or machine: one table of stable codes. Not AWS's errors, not the function's.

/** Exit codes of the command line. */
export const exitCodes = {
  ok: 0,
  functionFailed: 1,
  usage: 2,
  daemon: 3,
  throttled: 4,
  timedOut: 124,
  /** Of `exec`, as shells have it. */
  commandNotFound: 127,
  interrupted: 130,
} as const

interface EmulatorErrorSpec {
  readonly blame: 'user' | 'machine'
  readonly exitCode: number
  /** One sentence; `{name}` is filled from the details. */
  readonly message: string
  readonly hint: string
}

export const emulatorErrors = {
  EMU_USAGE: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{problem}',
    hint: 'run `lambda-emu --help`',
  },
  EMU_PORT_IN_USE: {
    blame: 'machine',
    exitCode: exitCodes.daemon,
    message: 'port {port} on {host} is already in use{holder}',
    hint: 'stop that program, or choose another with {option} (0 takes any free port)',
  },
  EMU_HOST_NOT_LOOPBACK: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{host} is not a loopback address',
    hint: 'use 127.0.0.1, ::1 or localhost: whoever can reach the daemon can run code as you',
  },
  EMU_STATE_DIRECTORY: {
    blame: 'machine',
    exitCode: exitCodes.daemon,
    message: 'cannot use the state directory {path}: {reason}',
    hint: 'choose another with --state-dir',
  },
  EMU_DAEMON_NOT_RUNNING: {
    blame: 'user',
    exitCode: exitCodes.daemon,
    message: 'no daemon is running for {project}',
    hint: 'start one with `lambda-emu start`, or name its folder with --state-dir',
  },
  EMU_DAEMON_RUNNING: {
    blame: 'user',
    exitCode: exitCodes.daemon,
    message: 'a daemon (pid {pid}) is already running for {project}',
    hint: 'run `lambda-emu stop` first, or use another --state-dir',
  },
  EMU_DAEMON_UNREACHABLE: {
    blame: 'machine',
    exitCode: exitCodes.daemon,
    message: 'the daemon at {url} does not answer as it should: {reason}',
    hint: 'run `lambda-emu stop`, then start it again; if that does not help, end its process',
  },
  EMU_CONFIG_NOT_FOUND: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{path} does not exist',
    hint: 'give a folder with template.yaml or lambda-emu.json, or one of these files',
  },
  EMU_CONFIG_INVALID: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{path}: {problem}',
    hint: '{advice}',
  },
  EMU_STRICT: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'with --strict, {count} of the project cannot pass:{list}',
    hint: 'correct or remove what they name, or leave --strict out',
  },
  EMU_RUNTIME_UNSUPPORTED: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'function {functionName}: runtime {runtime} cannot be run here yet',
    hint: 'supported now: nodejs*, python3* and provided*',
  },
  EMU_RUNTIME_MISSING: {
    blame: 'machine',
    exitCode: exitCodes.daemon,
    message: 'function {functionName} needs {program} to run {runtime}, and it is not on the PATH',
    hint: 'install it, or change the Runtime of the function',
  },
  EMU_HANDLER_NOT_FOUND: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'function {functionName}: no file for handler {handler} in {folder}',
    hint: 'check Handler and CodeUri; looked for {tried}',
  },
  EMU_CODE_NOT_FOUND: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'function {functionName}: its code {path} does not exist',
    hint: 'check CodeUri; it is relative to the template',
  },
  EMU_ZIP_INVALID: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{path} is not a zip file that can be read: {reason}',
    hint: 'make the package again; `unzip -t` tells what is wrong with it',
  },
  EMU_ZIP_ESCAPES: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{path}: entry {entry} points outside the package',
    hint: 'remove it: Lambda packages hold only files below their own root',
  },
  EMU_ZIP_TOO_LARGE: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{path}: unzipped it is larger than {limitBytes} bytes',
    hint: "Lambda's limit for code and layers together is 250 MB",
  },
  EMU_FREEZER_UNAVAILABLE: {
    blame: 'machine',
    exitCode: exitCodes.daemon,
    message: '--freeze {backend} cannot be had here: {reason}',
    hint: 'leave --freeze out to take the best that works, or use --freeze signal',
  },
  EMU_FREEZE_NETWORK_UNAVAILABLE: {
    blame: 'machine',
    exitCode: exitCodes.daemon,
    message: '--freeze-network cannot be had here: {reason}',
    hint: 'it needs root, the sandbox, and a kernel with veth interfaces (modprobe veth); or leave --freeze-network out',
  },
  EMU_FUNCTION_NOT_FOUND: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'there is no function {functionName}',
    hint: '`lambda-emu list` shows what there is',
  },
  EMU_ENVIRONMENT_NOT_FOUND: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'there is no environment {environment}',
    hint: '`lambda-emu environments` shows what there is',
  },
  EMU_ENVIRONMENT_STATE: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'environment {environment} is {phase}: it cannot {verb} now',
    hint: 'wait until it is ready; `lambda-emu environments` shows it',
  },
  EMU_COMMAND_NOT_FOUND: {
    blame: 'user',
    exitCode: exitCodes.commandNotFound,
    message: 'cannot run {command}: {reason}',
    hint: 'check its name and the PATH; shell syntax needs `-- sh -c "…"`',
  },
  EMU_LIBRARY_USE: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: '{problem}',
    hint: '{advice}',
  },
  EMU_LAYERS_TOO_LARGE: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message:
      'function {functionName}: its code and layers are larger than {limitBytes} bytes together',
    hint: "Lambda's limit for code and layers together is 250 MB unzipped",
  },
  EMU_LAYER_INVALID: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'function {functionName}: its layer {path} cannot be used: {reason}',
    hint: 'a layer is a folder or a zip file whose content is to appear in /opt',
  },
  EMU_NOTHING_TO_EXPLAIN: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'nothing here is called {id}',
    hint: 'give a request id, an environment such as e1, an API, a code or a word of the output; old requests are forgotten',
  },
  EMU_PAYLOAD_INVALID: {
    blame: 'user',
    exitCode: exitCodes.usage,
    message: 'the payload {source} is not JSON: {reason}',
    hint: 'give JSON text, a file with --event FILE, or - for standard input',
  },
} as const satisfies Record<`EMU_${string}`, EmulatorErrorSpec>

export type EmulatorErrorCode = keyof typeof emulatorErrors

/** Thrown for every error of the third kind; printed as code, sentence and hint. */
export class EmulatorError extends Error {
  override readonly name = 'EmulatorError'
  readonly code: EmulatorErrorCode
  readonly hint: string
  readonly exitCode: number

  constructor(code: EmulatorErrorCode, details: Readonly<Record<string, string | number>> = {}) {
    const spec = emulatorErrors[code]
    super(fill(spec.message, details))
    this.code = code
    this.hint = fill(spec.hint, details)
    this.exitCode = spec.exitCode
  }
}

function fill(text: string, details: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? ''))
}
