// Reports and questions of the runtime as requests of the HTTP Runtime API, version 2018-06-01.

const { Connection } = require('./connection.cjs')
const { HttpStream } = require('./http-stream.cjs')

const BASE = '/2018-06-01/runtime'
/**
 * What the official native clients call themselves, since servers record it as the release of the
 * runtime.
 */
const userAgents = { 3: 'AWS_Lambda_Cpp/0.2.8', 4: 'AWS_Lambda_Cpp/0.2.6' }

/** `host:port`, also with an IPv6 host in brackets. */
function parseAddress(address) {
  const parts = /^\[?(.+?)\]?:(\d+)$/.exec(address)
  if (parts === null) throw new Error(`AWS_LAMBDA_RUNTIME_API is not host:port: '${address}'`)
  return { host: parts[1], port: Number(parts[2]) }
}

/** A value that cannot end its header line. */
function headerText(value) {
  return String(value).replace(/[^\x20-\x7e]/g, '?')
}

/** One main connection, and others for what must not queue behind GET next. */
class HttpTransport {
  #main
  #address
  #common
  #next

  /**
   * @param {string} address host:port
   * @param {3 | 4} generation
   * @throws {Error} for another form
   */
  constructor(address, generation) {
    const { host, port } = parseAddress(address)
    this.#address = { host, port }
    this.#main = new Connection(host, port)
    this.#common = `Host: ${address}\r\nUser-Agent: ${userAgents[generation]}\r\nAccept: */*\r\n`
    this.#next = `GET ${BASE}/invocation/next HTTP/1.1\r\n${this.#common}\r\n`
  }

  open() {
    this.#main.open()
  }

  keepAlive(keeps) {
    this.#main.keepAlive(keeps)
  }

  send(requests) {
    return this.#main.send(requests.map((request) => this.#bytes(request)))
  }

  sendAside(request) {
    const connection = new Connection(this.#address.host, this.#address.port)
    connection.keepAlive(true)
    return connection.send([this.#bytes(request)])[0]
  }

  exchangeSync(request) {
    return this.#main.exchangeSync(this.#bytes(request))
  }

  awaitAnswersSync() {
    this.#main.awaitAnswersSync()
  }

  openStream(id, listener) {
    const head =
      `POST ${this.#path(id, 'response')} HTTP/1.1\r\n` +
      `Host: ${this.#address.host}:${this.#address.port}\r\n${this.#echo(id)}` +
      'Lambda-Runtime-Function-Response-Mode: streaming\r\nConnection: close\r\n' +
      'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n'
    return new HttpStream(this.#address, head, listener)
  }

  #bytes(request) {
    switch (request.kind) {
      case 'next':
        return this.#next
      case 'init-error':
        return this.#initError(request)
      default:
        return this.#report(request)
    }
  }

  #report({ kind, id, body, cause }) {
    const causeLine = cause ? `Lambda-Runtime-Function-XRay-Error-Cause: ${cause}\r\n` : ''
    return (
      `POST ${this.#path(id, kind)} HTTP/1.1\r\n${this.#common}Content-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${this.#echo(id)}${causeLine}\r\n${body}`
    )
  }

  #initError({ body, errorType }) {
    return (
      `POST ${BASE}/init/error HTTP/1.1\r\nHost: ${this.#address.host}:${this.#address.port}\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Lambda-Runtime-Function-Error-Type: ${headerText(errorType)}\r\n\r\n${body}`
    )
  }

  #path(id, what) {
    return `${BASE}/invocation/${encodeURIComponent(id.requestId)}/${what}`
  }

  /** The header that ties a report to one attempt of an event. */
  #echo(id) {
    return id.invocationId === undefined
      ? ''
      : `Lambda-Runtime-Invocation-Id: ${headerText(id.invocationId)}\r\n`
  }
}

module.exports = { HttpTransport }
