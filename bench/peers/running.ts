// A tool that runs: started, waited for, deployed to, called and ended.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Connection, sendOnce } from './connection.js'
import { endAll, type Network, processesIn, waitUntilEmpty } from './processes.js'
import type { Call, Folders, Mode, Plan, Reply, Tool } from './tool.js'

const startTimeoutMs = 30_000
const stopTimeoutMs = 5_000

/** Where a tool is tried: its folders, and the network namespace that is all its own. */
export interface Place {
  readonly tool: Tool
  readonly folders: Folders
  readonly network: Network
}

/** A tool that answers on its port, with the plan's functions in it. */
export class Running {
  readonly tool: Tool
  readonly startedAt: number
  readonly #child: ChildProcess
  readonly #ended: Promise<unknown>
  readonly #network: Network

  private constructor(tool: Tool, network: Network, child: ChildProcess, startedAt: number) {
    this.tool = tool
    this.#network = network
    this.#child = child
    this.startedAt = startedAt
    this.#ended = new Promise((resolve) => child.once('exit', resolve))
  }

  /** Writes the project anew and starts the tool; what it prints goes to `log.txt` beside the project. */
  static async start(place: Place, plan: Plan, mode: Mode): Promise<Running> {
    const { tool, folders, network } = place
    rmSync(folders.project, { recursive: true, force: true })
    mkdirSync(folders.project, { recursive: true })
    tool.prepare(folders, plan)
    const { file, args, cwd, variables } = tool.command(folders, plan, mode)
    const log = openSync(join(folders.project, '../log.txt'), 'a')
    const startedAt = performance.now()
    const child = spawn(file, args, {
      cwd,
      env: { ...process.env, ...variables },
      stdio: ['ignore', log, log],
    })
    const running = new Running(tool, network, child, startedAt)
    try {
      await running.#untilItListens()
      await tool.deploy?.((call) => running.send(call), folders, plan)
    } catch (error) {
      await running.kill()
      throw error
    }
    return running
  }

  async #untilItListens(): Promise<void> {
    let failure = ''
    this.#child.once('error', (error) => {
      failure = error.message
    })
    while (performance.now() - this.startedAt < startTimeoutMs) {
      if (failure || this.#child.exitCode !== null) {
        throw new Error(`it ended at its start: ${failure || `exit ${this.#child.exitCode}`}`)
      }
      try {
        await sendOnce(this.tool.port, { method: 'GET', path: '/', body: '' })
        return
      } catch {
        await delay(5)
      }
    }
    throw new Error(`it did not listen on port ${this.tool.port} within ${startTimeoutMs} ms`)
  }

  connection(): Connection {
    return new Connection(this.tool.port)
  }

  send(call: Call): Promise<Reply> {
    return sendOnce(this.tool.port, call)
  }

  /** Invokes once, on a connection of its own. */
  invoke(functionName: string, payload: object): Promise<Reply> {
    return this.send(this.tool.invoke(functionName, payload))
  }

  /** The tool's processes: all in this network namespace but for the one that measures. */
  processes(): number[] {
    return processesIn(this.#network.own, [process.pid])
  }

  /** Ends it as Ctrl-C does; gives how many of its processes outlived it by two seconds. */
  async stop(): Promise<number> {
    this.#child.kill('SIGINT')
    await Promise.race([this.#ended, delay(stopTimeoutMs)])
    return await this.#sweep()
  }

  /** Ends it with SIGKILL; gives how many of its processes outlived it by two seconds. */
  async kill(): Promise<number> {
    this.#child.kill('SIGKILL')
    await Promise.race([this.#ended, delay(stopTimeoutMs)])
    return await this.#sweep()
  }

  async #sweep(): Promise<number> {
    await waitUntilEmpty(this.#network.own, [process.pid], 2_000)
    return await endAll(this.#network, [process.pid])
  }
}

/** The JSON of a good answer; undefined when the function or the tool failed. */
export function answerOf(reply: Reply): Record<string, unknown> | undefined {
  if (reply.status !== 200 || /^x-amz-function-error:/im.test(reply.head)) return undefined
  try {
    const value: unknown = JSON.parse(reply.body)
    const failed = typeof value !== 'object' || value === null || 'errorMessage' in value
    return failed ? undefined : (value as Record<string, unknown>)
  } catch {
    return undefined
  }
}
