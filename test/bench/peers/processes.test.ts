// What the comparison counts as a tool's memory, and what it never ends.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import {
  cpuMs,
  killAll,
  memoryMb,
  networkOf,
  parentOf,
  processesIn,
} from '../../../bench/peers/processes.js'

/** A Node process that holds `heldMb` and has told so. */
async function holder(test: Pick<typeof t, 'teardown'>, heldMb: number): Promise<number> {
  const program = `globalThis.held = Buffer.alloc(${heldMb} * 1048576, 1); console.log('held'); process.stdin.resume()`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'inherit'] })
  test.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  if (child.pid === undefined) throw new Error('it was not started')
  return child.pid
}

t.test(
  'what a process holds counts for each, the program file that two share counts once',
  async (t) => {
    const small = await holder(t, 1)
    const large = await holder(t, 101)
    const one = memoryMb([small])
    const both = memoryMb([small, large])
    t.ok(both - one > 100, `${both} MB hold the 101 MB of the second`)
    t.ok(both < one + memoryMb([large]) - 10, 'the program itself is not counted twice')
  },
)

t.test('a process that is gone has no memory and no CPU time', async (t) => {
  const child = spawn(process.execPath, ['-e', '0'])
  const { pid = 0 } = child
  t.equal(parentOf(pid), process.pid)
  await once(child, 'exit')
  t.equal(memoryMb([pid]), 0)
  t.equal(cpuMs([pid]), 0)
  t.equal(networkOf(pid), undefined)
})

t.test(
  'processes are found by their network, and those of the machine are never ended',
  async (t) => {
    const machine = networkOf('self') ?? ''
    const pid = await holder(t, 1)
    t.ok(processesIn(machine).includes(pid))
    t.equal(processesIn(machine, [pid]).includes(pid), false)
    const refused = { message: /network of the machine/ }
    t.throws(() => killAll({ own: machine, machine }, []), refused)
    t.throws(() => killAll({ own: machine, machine: '' }, []), refused)
    t.throws(() => killAll({ own: '', machine }, []), refused)
    t.equal(killAll({ own: 'net:[0]', machine }, []), 0, 'nobody is in there')
    t.equal(parentOf(pid), process.pid, 'it lives')
  },
)
