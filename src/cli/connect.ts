// From a verb's options to the daemon that is meant, and to the page that its answer is printed on.

import { type AdminClient, createAdminClient } from '../admin/client.js'
import { type Found, findDaemon } from '../admin/daemon-file.js'
import { EmulatorError } from '../domain/emulator-error.js'
import type { GlobalArguments } from './outcome.js'
import type { Page } from './render.js'
import type { Output, Terminal } from './terminal.js'
import { createStyle, wantsColour } from './text.js'

export interface Connection extends Found {
  readonly client: AdminClient
}

/** LAMBDA_EMU_STATE_DIR is --state-dir's other way in. @throws EmulatorError EMU_DAEMON_NOT_RUNNING, EMU_DAEMON_UNREACHABLE, EMU_STATE_DIRECTORY. */
export function connect(given: GlobalArguments, terminal: Terminal): Connection {
  const stateDirectory = given.stateDir ?? (terminal.variables.LAMBDA_EMU_STATE_DIR || undefined)
  const found = findDaemon({
    ...(stateDirectory === undefined ? {} : { stateDirectory }),
    workingFolder: terminal.workingFolder,
    variables: terminal.variables,
  })
  if (found.file.adminUrl === '') {
    const url = `pid ${found.file.pid}`
    throw new EmulatorError('EMU_DAEMON_UNREACHABLE', { url, reason: 'it is still starting' })
  }
  return { ...found, client: createAdminClient(found.file) }
}

/** Width and colour of an output. A file or pipe gets the full text. */
export function pageOf(output: Output, terminal: Terminal): Page {
  return {
    columns: output.isTerminal ? output.columns : Number.POSITIVE_INFINITY,
    style: createStyle(wantsColour(output.isTerminal, terminal.variables)),
  }
}
