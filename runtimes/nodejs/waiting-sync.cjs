// Reads and writes of a socket while nothing else of this process runs: for an end that must not let the function go on.

const fs = process.getBuiltinModule('node:fs')

const READ_BUFFER_BYTES = 64 * 1024
/** Pause between looks at a socket while this process may not run anything else. */
const SYNC_PAUSE_MS_MAX = 5

function pauseSync(pauseMs) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pauseMs)
}

/** Runs an operation of the file system until the socket takes it or gives something. */
function untilReadySync(operation) {
  for (let pauseMs = 0.1; ; pauseMs = Math.min(pauseMs * 2, SYNC_PAUSE_MS_MAX)) {
    try {
      return operation()
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
      pauseSync(pauseMs)
    }
  }
}

/** @param {number} fd @param {Buffer} bytes @throws {Error} of write(2) */
function writeSync(fd, bytes) {
  for (let from = 0; from < bytes.length; ) {
    from += untilReadySync(() => fs.writeSync(fd, bytes, from))
  }
}

/**
 * Feeds what arrives until it is done, or the socket has ended.
 * @param {number} fd
 * @param {(bytes: Buffer) => void} feed
 * @param {() => boolean} done
 * @throws {Error} of read(2)
 */
function readSync(fd, feed, done) {
  const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
  while (!done()) {
    const length = untilReadySync(() => fs.readSync(fd, buffer, 0, READ_BUFFER_BYTES, null))
    if (length === 0) return
    feed(buffer.subarray(0, length))
  }
}

module.exports = { readSync, writeSync }
