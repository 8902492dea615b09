// How a process ends while GET next is open. In the official client a native thread sits in the
// long poll, so neither process.exit nor a crash ends the process before the next event has come:
// it is handed to a process that is already lost.

const { readFileSync } = process.getBuiltinModule('node:fs')
const { inspect } = process.getBuiltinModule('node:util')

/**
 * The source line and the caret that Node prints ahead of a stack, as far as the stack tells them.
 */
function sourceContext(stack) {
  const place = /^\s+at .*?\(?(?:file:\/\/)?(\/[^():]+):(\d+):(\d+)\)?$/m.exec(stack)
  if (place === null) return ''
  const [, file, row, column] = place
  try {
    const line = readFileSync(file, 'utf8').split('\n')[Number(row) - 1]
    const before = line.slice(0, Number(column) - 1)
    const caretAt = /\bthrow\s+$/.exec(before)?.index ?? before.length
    return `${file}:${row}\n${line}\n${' '.repeat(caretAt)}^\n\n`
  } catch {
    return ''
  }
}

/** What Node itself prints of an uncaught error when it ends the process. @param {unknown} error */
function crashText(error) {
  const context =
    error instanceof Error && typeof error.stack === 'string' ? sourceContext(error.stack) : ''
  const text = error instanceof Error ? inspect(error) : `Uncaught:\n${inspect(error)}`
  return `${context}${text}\n\nNode.js ${process.version}\n`
}

/**
 * Makes every end of the process wait for GET next while one is open.
 * @param {import('./runtime-api.cjs').RuntimeApi} api
 * @param {3 | 4} generation
 */
function holdExitWhileWaiting(api, generation) {
  const reallyExit = process.reallyExit
  process.reallyExit = (code) => {
    api.flushSync()
    api.awaitNextSync()
    reallyExit.call(process, code)
  }
  // Client 3 has listeners for uncaught errors, so that they never come this far.
  if (generation === 3) return
  const fatalException = process._fatalException
  process._fatalException = (error, fromPromise) => {
    const handled = fatalException.call(process, error, fromPromise)
    if (handled) return handled
    api.flushSync()
    if (api.waitingForNext) {
      process.stderr.write(crashText(error))
      process.reallyExit(process.exitCode ?? 1)
    }
    return handled
  }
}

/**
 * Client 3 after an uncaught error between events: two threads use one connection, and the process
 * dies of it when
 * the next event has come. Source: the official clients, measured, SIGSEGV in 4 of 4 runs.
 * @param {import('./runtime-api.cjs').RuntimeApi} api
 */
function crashAtNext(api) {
  api.awaitNextSync()
  process.kill(process.pid, 'SIGSEGV')
  // The signal may reach another thread first: this one must do nothing more.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

module.exports = { crashAtNext, holdExitWhileWaiting }
