// A host without processes, with extensions in it: it obeys commands in any order that a real one could, and checks that they make sense.

import { assert } from '../domain/assert.js'
import type { EnvironmentId, GenerationId, InvocationId } from '../domain/brand.js'
import type { HostCommand } from '../placement/state.js'
import { type Host, HostError, type HostEvent } from './host.js'

interface SimulatedExtension {
  readonly id: string
  readonly kind: 'external-extension' | 'internal-extension'
  readonly invoked: boolean
  state: 'starting' | 'waiting' | 'working'
}

interface SimulatedEnvironment {
  generation: GenerationId | undefined
  alive: boolean
  /** The runtime waits in next. */
  waiting: boolean
  frozen: boolean
  /** There are extensions in this life of it, and the runtime has not asked for its first event. */
  registering: boolean
  extensions: SimulatedExtension[]
  current: { readonly id: InvocationId; answered: boolean } | undefined
  /** Ends a freeze that has been asked for and not carried out. */
  cancelFreeze: (() => void) | undefined
}

interface Pending {
  readonly command: HostCommand
  readonly finish: (error?: HostError) => void
}

const extensionsMax = 3

function allWait({ waiting, extensions }: SimulatedEnvironment): boolean {
  return waiting && extensions.every(({ state }) => state === 'waiting')
}

/** Picks one of `count` possibilities. */
export type Choose = (count: number) => number

export class SimulatedHost implements Host {
  readonly #choose: Choose
  readonly #killsFrozen: boolean
  readonly #environments = new Map<EnvironmentId, SimulatedEnvironment>()
  #pending: Pending[] = []
  #report: (event: HostEvent) => void = () => {}

  /** @param killsFrozen somebody outside kills what is frozen, now and then */
  constructor(choose: Choose, killsFrozen = false) {
    this.#choose = choose
    this.#killsFrozen = killsFrozen
  }

  report(listener: (event: HostEvent) => void): void {
    this.#report = listener
  }

  frozen(env: EnvironmentId): boolean {
    return this.#environments.get(env)?.frozen ?? false
  }

  /** Environments that have processes or folders left. */
  remaining(): number {
    return this.#environments.size
  }

  perform(command: HostCommand): undefined | Promise<void> {
    const environment = this.#of(command.env)
    switch (command.do) {
      case 'start':
        assert(!environment.alive, `${command.env} is started once`)
        environment.registering = this.#choose(2) === 0
        return this.#later(command)
      case 'deliver':
        assert(environment.alive, `an event goes to a living environment, ${command.env}`)
        assert(environment.waiting, `I1: ${command.env} waits for the event it gets`)
        assert(environment.current === undefined, `I1: ${command.env} has no other invocation`)
        environment.waiting = false
        for (const extension of environment.extensions) {
          assert(extension.state === 'waiting', `I1: ${command.env}: ${extension.id} waits`)
          if (extension.invoked) extension.state = 'working'
        }
        environment.current = { id: command.invocation.invocationId, answered: false }
        return undefined
      case 'freeze':
        assert(allWait(environment), `I2: nobody in ${command.env} is at work when it is frozen`)
        if (this.#choose(2) === 0) {
          environment.frozen = true
          return undefined
        }
        return this.#freezeLater(command, environment)
      case 'thaw':
        environment.cancelFreeze?.()
        environment.frozen = false
        return undefined
      case 'kill':
        environment.cancelFreeze?.()
        return this.#later(command)
      case 'remove':
        assert(!environment.alive, `${command.env} is dead before it is removed`)
        return this.#later(command)
    }
  }

  /** Lets one thing happen that could happen now. False when nothing can. */
  happen(): boolean {
    const possible = [...this.#completions(), ...this.#doings()]
    const chosen = possible[this.#choose(possible.length)]
    if (chosen === undefined) return false
    chosen()
    return true
  }

  #of(env: EnvironmentId): SimulatedEnvironment {
    const known = this.#environments.get(env)
    if (known !== undefined) return known
    const fresh: SimulatedEnvironment = {
      generation: undefined,
      alive: false,
      waiting: false,
      frozen: false,
      registering: false,
      extensions: [],
      current: undefined,
      cancelFreeze: undefined,
    }
    this.#environments.set(env, fresh)
    return fresh
  }

  #later(command: HostCommand): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({
        command,
        finish: (error) => (error === undefined ? resolve() : reject(error)),
      })
    })
  }

  #freezeLater(command: HostCommand, environment: SimulatedEnvironment): Promise<void> {
    const done = this.#later(command)
    environment.cancelFreeze = () => {
      environment.cancelFreeze = undefined
      const at = this.#pending.findIndex((pending) => pending.command === command)
      const [cancelled] = this.#pending.splice(at, 1)
      cancelled?.finish()
    }
    return done
  }

  #completions(): (() => void)[] {
    // Those of one environment end in the order they were asked for; across environments in any.
    const firsts = this.#pending.filter(
      (pending, index) =>
        this.#pending.findIndex(({ command }) => command.env === pending.command.env) === index,
    )
    return firsts.map((pending) => () => {
      this.#pending = this.#pending.filter((other) => other !== pending)
      this.#complete(pending)
    })
  }

  #complete({ command, finish }: Pending): void {
    const environment = this.#of(command.env)
    const fails = this.#choose(50) === 0
    switch (command.do) {
      case 'start':
        if (fails) return finish(new HostError('Runtime.InvalidEntrypoint', 'no such program'))
        environment.alive = true
        environment.generation = command.generation
        return finish()
      case 'freeze':
        environment.cancelFreeze = undefined
        if (fails) return finish(new HostError('Freezer', 'it cannot be written'))
        environment.frozen = true
        return finish()
      case 'kill':
        Object.assign(environment, {
          alive: false,
          waiting: false,
          frozen: false,
          registering: false,
          extensions: [],
          current: undefined,
        })
        return finish()
      case 'remove':
        this.#environments.delete(command.env)
        return finish(fails ? new HostError('Sandbox', 'its folder stays') : undefined)
      case 'deliver':
      case 'thaw':
        return finish()
    }
  }

  /** What could happen now: only processes that live and are not frozen do anything, but all can be measured. */
  #doings(): (() => void)[] {
    const doings: (() => void)[] = []
    for (const [env, environment] of this.#environments) {
      if (environment.alive && this.#choose(8) === 0) doings.push(() => this.#measure(env))
      if (environment.registering && environment.extensions.length < extensionsMax)
        if (this.#choose(3) === 0) doings.push(() => this.#register(env, environment))
      if (environment.alive && (this.#killsFrozen || !environment.frozen))
        doings.push(...this.#exitsOf(env, environment))
      if (environment.frozen) continue
      for (const extension of environment.extensions)
        doings.push(...this.#doingsOfExtension(env, extension))
      if (environment.alive) doings.push(...this.#doingsOf(env, environment))
    }
    return doings
  }

  /** Of its own accord, or killed from outside, as what is frozen may be too. */
  #exitsOf(env: EnvironmentId, environment: SimulatedEnvironment): (() => void)[] {
    const runtime = (): void => {
      if (this.#choose(4) !== 0) return
      this.#die(environment)
      const exit = { code: this.#choose(3), signal: null }
      this.#report({ on: 'exited', env, participant: 'runtime', exit })
    }
    const extensions = environment.extensions.map(({ id: participant }) => (): void => {
      if (this.#choose(this.#killsFrozen ? 2 : 6) !== 0) return
      this.#die(environment)
      const failed = { exit: { code: 0, signal: null }, errorType: 'Extension.Crash' }
      this.#report({ on: 'exited', env, participant, ...failed })
    })
    return [runtime, ...extensions]
  }

  #doingsOf(env: EnvironmentId, environment: SimulatedEnvironment): (() => void)[] {
    const { current } = environment
    const next = (): void => {
      environment.waiting = true
      environment.registering = false
      environment.current = undefined
      this.#report({ on: 'asked-next', env, participant: 'runtime' })
    }
    if (current === undefined) {
      if (environment.waiting) return []
      return [next, next, () => this.#initError(env)]
    }
    const answer = (): void => {
      current.answered = true
      this.#report({
        on: 'answered',
        env,
        invocation: current.id,
        outcome: {
          is: 'response',
          payload: { key: current.id, bytes: 2 },
          contentType: 'application/json',
        },
      })
    }
    // The second answer is what arrives when an answer and a timeout cross.
    return current.answered ? [next, next, answer] : [answer, answer]
  }

  /** Whatever else is in there does nothing more that counts. */
  #die(environment: SimulatedEnvironment): void {
    environment.alive = false
    environment.waiting = false
    environment.registering = false
    environment.extensions = []
    environment.current = undefined
  }

  #register(env: EnvironmentId, environment: SimulatedEnvironment): void {
    const { extensions } = environment
    const extension: SimulatedExtension = {
      id: `extension-${extensions.length + 1}`,
      // Those in the runtime's process are there only once that runs.
      kind:
        environment.alive && this.#choose(2) === 0 ? 'internal-extension' : 'external-extension',
      invoked: this.#choose(3) !== 0,
      state: 'starting',
    }
    extensions.push(extension)
    const { id: participant, kind, invoked } = extension
    this.#report({ on: 'registered', env, participant, kind, invoked })
  }

  #doingsOfExtension(env: EnvironmentId, extension: SimulatedExtension): (() => void)[] {
    const { id: participant } = extension
    if (extension.state === 'waiting') return []
    const next = (): void => {
      extension.state = 'waiting'
      this.#report({ on: 'asked-next', env, participant })
    }
    return [next]
  }

  /** Small and large, and now and then nothing that could be measured. */
  #measure(env: EnvironmentId): void {
    const privateMb = [0, 12.5, 40, 63.2, 80, 150][this.#choose(6)] ?? 0
    this.#report({ on: 'measured', env, privateMb })
  }

  #initError(env: EnvironmentId): void {
    this.#report({
      on: 'init-error',
      env,
      outcome: { is: 'error', payload: { key: env, bytes: 2 }, errorType: 'Runtime.ImportModule' },
    })
  }
}
