// Runs the bundle, out of what V8 made of it before where that is at hand, and names our own files in stack traces.

const { closeSync, openSync, readFileSync, renameSync, rmSync, writevSync } = require('node:fs')
const { createRequire, SourceMap } = require('node:module')
const { dirname, join } = require('node:path')
const { Script } = require('node:vm')
const { crc32 } = require('node:zlib')

/**
 * Compiled code lies beside the bundle: who can write there can write the program itself. Its name has the digest of the
 * source and the version of V8, which compares no more than the source's length; flags it compares itself.
 * @param runs Different verbs need different parts of the bundle, and what is not needed only costs.
 * @returns what the bundle exports; `keep`, which writes what has been compiled for the next time if there was nothing;
 * `readStack`, as Terminal has it.
 */
exports.loadBundle = (path, runs) => {
  const source = readFileSync(path, 'latin1')
  const digest = /^\/\/ (\w{16})/.exec(source)?.[1]
  const { version, arch, versions } = process
  const kept = join(dirname(path), `${runs}-${digest}-${version}-${versions.v8}-${arch}.v8`)
  const cachedData = readKept(kept)
  const script = new Script(source, { filename: path, ...(cachedData && { cachedData }) })
  const readStack = (stack) => withOwnFiles(stack, path)
  // Not every stack, as with Node's own option: packages look at those of errors that they catch, in every start.
  process.on('uncaughtExceptionMonitor', (error) => {
    if (error instanceof Error) error.stack = readStack(error.stack)
  })
  const module = { exports: {} }
  script.runInThisContext()(module.exports, createRequire(path), module, path, dirname(path))
  const isKept = cachedData !== undefined && script.cachedDataRejected !== true
  const keep = () => isKept || write(kept, script)
  return { exports: module.exports, keep, readStack }
}

const checksumBytes = 4

/** V8 would run whatever stands there: one wrong byte ended the process with a segmentation fault. */
function readKept(path) {
  try {
    const bytes = readFileSync(path)
    const data = bytes.subarray(0, -checksumBytes)
    return crc32(data) === bytes.readUInt32LE(data.length) ? data : undefined
  } catch {
    // None yet, or not even long enough.
    return undefined
  }
}

function write(path, script) {
  const unfinished = `${path}.${process.pid}`
  try {
    const file = openSync(unfinished, 'wx')
    try {
      const data = script.createCachedData()
      const checksum = Buffer.alloc(checksumBytes)
      checksum.writeUInt32LE(crc32(data))
      writevSync(file, [data, checksum])
    } finally {
      closeSync(file)
    }
    renameSync(unfinished, path)
  } catch {
    // A folder of somebody else: the next start takes as long as this one.
    rmSync(unfinished, { force: true })
  }
}

/** Of a stack that would name the bundle; the map of it is read only now, when something went wrong. */
function withOwnFiles(stack, path) {
  try {
    if (!stack.includes(path)) return stack
    const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, 'utf8')))
    return stack.replaceAll(/(\/[^\s()]+):(\d+):(\d+)/g, (place, file, line, column) => {
      if (file !== path) return place
      const { originalSource, originalLine, originalColumn } = map.findEntry(line - 1, column - 1)
      if (originalSource === undefined) return place
      return `${join(dirname(path), originalSource)}:${originalLine + 1}:${originalColumn + 1}`
    })
  } catch {
    // Something else than an error was thrown, or the map is gone: told as it is.
    return stack
  }
}
