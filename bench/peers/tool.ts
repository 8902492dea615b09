// What one tool of the comparison is: how it is installed, started, called and given new code. Each file of tools/ is one.

/** A function of the plan; every tool gets the same ones, in its own words. */
export interface PlannedFunction {
  readonly name: string
  readonly language: 'node' | 'python'
  /** The code, in the form that the language's file has. */
  readonly source: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
}

/** The functions of one run, and the one that a tool which carries only one function is to carry. */
export interface Plan {
  readonly functions: readonly PlannedFunction[]
  readonly main: string
}

/** A program to start; ended by its process id. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly variables?: Readonly<Record<string, string>>
}

/** One HTTP request; `body` is JSON. */
export interface Call {
  readonly method: 'POST' | 'PUT' | 'GET'
  readonly path: string
  readonly body: string
}

/** Sends one call to the tool that is running. */
export type Send = (call: Call) => Promise<Reply>

/** One HTTP answer. */
export interface Reply {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** Folders of one tool: what is installed, and the project that is written anew for each run. */
export interface Folders {
  readonly installed: string
  readonly project: string
}

/** Something that the tool cannot do by its making, and why, for a dash in the table. */
export interface Cannot {
  readonly cannot: string
}

/** One of the two runs that a tool may want other options for. */
export type Mode = 'fast' | 'reload'

/** A tool of the comparison. */
export interface Tool {
  readonly name: string
  readonly version: string
  /** How it was run, in the words of its command line, for the table's foot. */
  readonly options: string
  readonly port: number
  /** Packages to install, exact; none for what is here already. */
  readonly packages: readonly string[]
  readonly registry: 'npm' | 'pypi' | 'none'
  /** What it cannot do by its making; what is missing here is tried. */
  readonly limits: {
    readonly python?: Cannot
    readonly coldStart?: Cannot
    /** Warm figures of a tool that starts a process for each request say so. */
    readonly warmNote?: string
  }
  /** Writes the project as this tool wants it. */
  prepare(folders: Folders, plan: Plan): void
  command(folders: Folders, plan: Plan, mode: Mode): Command
  /** What has to be done once the port answers and before the first invoke. */
  deploy?(send: Send, folders: Folders, plan: Plan): Promise<void>
  invoke(functionName: string, payload: object): Call
  /** Saves new code the way a user of this tool does; resolves when the user's part is done. */
  save(send: Send, folders: Folders, planned: PlannedFunction): Promise<void>
}
