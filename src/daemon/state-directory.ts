// The state directory of this run: found, made, and held against a second daemon.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { EmulatorOptions } from '../admin/contract.js'
import {
  claimDaemonFile,
  type DaemonFile,
  prepareStateDirectory,
  processStartTime,
  removeDaemonFile,
  stateDirectoryOf,
  writeDaemonFile,
} from '../admin/daemon-file.js'

export interface StateDirectoryClaim {
  readonly stateDirectory: string
  /** Says where this daemon is reached. */
  publish(reached: Pick<DaemonFile, 'adminUrl' | 'token' | 'lambdaUrl'>): void
  release(): void
}

/** @throws EmulatorError EMU_STATE_DIRECTORY, EMU_DAEMON_RUNNING. */
export function claimStateDirectory(
  options: EmulatorOptions,
  project: string,
): StateDirectoryClaim {
  const stateDirectory =
    options.stateDirectory === undefined
      ? stateDirectoryOf(project, process.env)
      : resolve(options.stateDirectory)
  prepareStateDirectory(stateDirectory)
  const { pid } = process
  const file = { pid, startTime: processStartTime(pid) ?? '', project }
  // Held from now on; whoever reads it before the daemon listens finds nobody at these addresses.
  claimDaemonFile(stateDirectory, { ...file, adminUrl: '', token: '', lambdaUrl: '' })
  return {
    stateDirectory,
    publish: (reached) => writeDaemonFile(stateDirectory, { ...file, ...reached }),
    release: () => {
      if (existsSync(stateDirectory)) removeDaemonFile(stateDirectory, pid)
    },
  }
}
