// Where the CPU time of a daemon went, from a profile of V8: by the stop of an invoke that asked for it. Pure.

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

export interface Stop {
  readonly stop: string
  /** Microseconds of JavaScript, and of Node's own code that it called. */
  readonly codeUs: number
  /** Microseconds in calls of the kernel: the wakes that these cause among them. */
  readonly kernelUs: number
}

/** In the order of an invoke; the first whose folder or file a module's path begins with. */
const stops: readonly (readonly [stop: string, paths: readonly string[]])[] = [
  ['HTTP front (node:http, fastify, guard)', ['http/']],
  ['the request by the model, the answer by it', ['aws/']],
  ['function, limits, hot reload', ['services/', 'daemon/', 'watch/', 'domain/']],
  ['invoker', ['invoke/', 'clock/', 'event-queue/']],
  ['placement: reducer and runner', ['placement/', 'host/runner', 'host/real']],
  [
    'the environment: deliver, answered, asked next',
    ['host/live-environment', 'host/environment-parts'],
  ],
  ['runtime channel', ['runtime-api/']],
  ['freeze and thaw', ['freezer/', 'cgroups/', 'host/freeze-grace', 'sandbox/sandbox']],
  ['log: marks, START, END, REPORT', ['sandbox/log-pipe', 'sandbox/mark', 'logs/', 'host/log']],
  ['journal, and the lines that `start` tells', ['journal/', 'cli/', 'host/invocation-report']],
  ['memory measured, /tmp watched', ['sandbox/', 'procfs/', 'host/tmp']],
]
const front = stops[0]?.[0] ?? ''
const collector = 'garbage collection'
const unknown = 'V8 itself, not told further'

/** Calls of the kernel, as V8 names Node's bindings for them. */
const kernelCalls = new Set([
  'writev',
  'writeBuffer',
  'writeString',
  'writeUtf8String',
  'writeLatin1String',
  'read',
  'open',
  'close',
  'stat',
  'fstat',
])

/** @param sinceMs what came earlier is warm-up; from the beginning of the profile. @param calls invokes since then */
export function stopsOf(profile: CpuProfile, sinceMs: number, calls: number): readonly Stop[] {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  )
  const sums = new Map<string, { codeUs: number; kernelUs: number }>()
  let atUs = 0
  profile.samples.forEach((sample, index) => {
    const tookUs = profile.timeDeltas[index] ?? 0
    atUs += tookUs
    const name = nodes.get(sample)?.callFrame.functionName ?? ''
    if (atUs < sinceMs * 1000 || name === '(idle)') return
    const stop = stopFor(sample)
    const sum = sums.get(stop) ?? { codeUs: 0, kernelUs: 0 }
    sum[kernelCalls.has(name) ? 'kernelUs' : 'codeUs'] += tookUs / calls
    sums.set(stop, sum)
  })

  /** Of the innermost module of ours that is being run; what none of ours asked for is the HTTP server. */
  function stopFor(sample: number): string {
    const top = nodes.get(sample)?.callFrame.functionName
    if (top === '(garbage collector)') return collector
    if (top === '(program)') return unknown
    for (let id: number | undefined = sample; id !== undefined; id = parents.get(id)) {
      const [, module] = /\/dist\/src\/(.+)$/.exec(nodes.get(id)?.callFrame.url ?? '') ?? []
      if (module !== undefined) return nameOf(module)
    }
    return front
  }

  const order = [...stops.map(([stop]) => stop), collector, unknown]
  return order.flatMap((stop) => {
    const sum = sums.get(stop)
    return sum === undefined ? [] : [{ stop, ...sum }]
  })
}

function nameOf(module: string): string {
  const found = stops.find(([, paths]) => paths.some((path) => module.startsWith(path)))
  return found?.[0] ?? unknown
}
