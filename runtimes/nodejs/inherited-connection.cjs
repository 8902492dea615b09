// The connection that the daemon has handed over, as a descriptor. Node's own handle for it is used without node:net around
// it: loading that costs a cold start 6 ms of processor time, and each call some 15 µs (measured on Node 20.20).

const { fstatSync } = process.getBuiltinModule('node:fs')

const READ_BUFFER_BYTES = 64 * 1024

/**
 * @typedef {object} Listener
 * @property {(bytes: Buffer) => void} bytes valid until it returns
 * @property {() => void} closed follows every end, once
 */

/** The parts of Node that node:net is made of. @throws {Error} where they are not as they have been since Node 10 */
function handleParts() {
  const { Pipe, constants } = process.binding('pipe_wrap')
  const { WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } =
    process.binding('stream_wrap')
  const { open, readStart, useUserBuffer, writeBuffer } = Pipe.prototype
  const needed = [open, readStart, useUserBuffer, writeBuffer, WriteWrap]
  const complete =
    needed.every((part) => typeof part === 'function') &&
    [kReadBytesOrError, kLastWriteWasAsync].every((at) => typeof streamBaseState[at] === 'number')
  if (!complete) throw new Error('Node has no such handles')
  return { Pipe, constants, WriteWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync }
}

/** It has a life cycle: open, then closed for good. */
class HandleConnection {
  #parts
  #handle
  #listener
  #pendingWrites = 0

  /** @param {number} fd @param {Listener} listener @throws {Error} when the descriptor is no socket */
  constructor(fd, listener, parts) {
    this.#parts = parts
    this.#listener = listener
    // Node would end the whole process over any other kind.
    // Not into the plain numbers: Node 20 finds a socket there and resolves no link until the next stat.
    if (!fstatSync(fd, { bigint: true }).isSocket())
      throw new Error(`descriptor ${fd} is no socket`)
    const handle = new parts.Pipe(parts.constants.SOCKET)
    const failure = handle.open(fd)
    if (failure < 0) {
      handle.close()
      throw new Error(`descriptor ${fd} cannot be used: ${failure}`)
    }
    const buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES)
    handle.onread = () => {
      const length = parts.streamBaseState[parts.kReadBytesOrError]
      if (length > 0) listener.bytes(buffer.subarray(0, length))
      else if (length < 0) this.#close()
    }
    handle.useUserBuffer(buffer)
    this.#handle = handle
    if (handle.readStart() < 0) process.nextTick(() => this.#close())
  }

  /** Whether something waits to be written. */
  get writing() {
    return this.#pendingWrites > 0
  }

  ref() {
    this.#handle?.ref()
  }

  unref() {
    this.#handle?.unref()
  }

  /** @param {Buffer} bytes @param {(() => void) | undefined} callback when they are with the kernel */
  write(bytes, callback) {
    if (this.#handle === undefined) return
    const { WriteWrap, streamBaseState, kLastWriteWasAsync } = this.#parts
    const request = new WriteWrap()
    // The bytes must not be collected before they are written.
    request.buffer = bytes
    request.oncomplete = (status) => {
      this.#pendingWrites -= 1
      if (status < 0) this.#close()
      else callback?.()
    }
    const failure = this.#handle.writeBuffer(request, bytes)
    if (failure !== 0) process.nextTick(() => this.#close())
    else if (streamBaseState[kLastWriteWasAsync]) this.#pendingWrites += 1
    else if (callback !== undefined) process.nextTick(callback)
  }

  #close() {
    const handle = this.#handle
    if (handle === undefined) return
    this.#handle = undefined
    handle.close(() => this.#listener.closed())
  }
}

/** The same by node:net, where Node does not let its parts be had. */
class SocketConnection {
  #socket

  /** @param {number} fd @param {Listener} listener @throws {Error} when the descriptor is no socket */
  constructor(fd, listener) {
    const { Socket } = process.getBuiltinModule('node:net')
    this.#socket = new Socket({
      fd,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
        callback: (length, buffer) => {
          listener.bytes(buffer.subarray(0, length))
          return true
        },
      },
    })
    this.#socket.on('error', () => {
      // Told by the end that follows.
    })
    this.#socket.on('close', () => listener.closed())
  }

  get writing() {
    return this.#socket.writableLength > 0
  }

  ref() {
    this.#socket.ref()
  }

  unref() {
    this.#socket.unref()
  }

  write(bytes, callback) {
    this.#socket.write(bytes, callback)
  }
}

/** Whoever asks Node to warn of what it may drop one day would find a warning of ours in the function's log. */
function warnsOfBinding() {
  const { NODE_PENDING_DEPRECATION, NODE_OPTIONS = '' } = process.env
  return NODE_PENDING_DEPRECATION === '1' || NODE_OPTIONS.includes('pending-deprecation')
}

/** @param {number} fd @param {Listener} listener @throws {Error} when the descriptor is no socket */
function openInherited(fd, listener) {
  let parts
  try {
    parts = warnsOfBinding() ? undefined : handleParts()
  } catch {
    // The way by node:net is always there.
  }
  return parts === undefined
    ? new SocketConnection(fd, listener)
    : new HandleConnection(fd, listener, parts)
}

module.exports = { openInherited }
