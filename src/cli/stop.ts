// lambda-emu stop: ends the daemon, and says so only when its process is gone.

import { isAlive } from '../admin/daemon-file.js'
import { EmulatorError } from '../domain/emulator-error.js'
import { connect } from './connect.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import type { Terminal } from './terminal.js'

// The daemon gives extensions 2 s and its guardian 2 s more; whoever takes longer than this hangs.
const patienceMs = 15_000
const lookEveryMs = 20

/** @throws EmulatorError EMU_DAEMON_NOT_RUNNING; EMU_DAEMON_UNREACHABLE when it does not end. */
export async function run(given: GlobalArguments, terminal: Terminal): Promise<Outcome> {
  const { client, file } = connect(given, terminal)
  await client.stop()
  for (let waitedMs = 0; isAlive(file); waitedMs += lookEveryMs) {
    if (waitedMs >= patienceMs) {
      const reason = `process ${file.pid} was told to stop and is still there`
      throw new EmulatorError('EMU_DAEMON_UNREACHABLE', { url: file.adminUrl, reason })
    }
    await terminal.sleep(lookEveryMs)
  }
  return once({ pid: file.pid, project: file.project }, [
    `stopped the daemon of ${file.project} (pid ${file.pid})`,
  ])
}
