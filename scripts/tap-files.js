// Runs compiled tap files with plain node, counts their assertions, and tells of each file in a line.
// Plain node, because tap's own runner loads instrumentation into every child process, and the
// processes under test are children whose environment and start-up are themselves measured.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Parser } from 'tap-parser'

/**
 * @typedef {{ file: string, passed: number, failed: number, failures: { path: string, diag?: unknown }[] }} Counts
 * @param {{ folder: string, file: string, cwd: string, env?: Record<string, string>, timeoutMs?: number, wrapper?: string[], told?: boolean }} run
 * @returns {Promise<Counts>}
 */
function runFile({ folder, file, cwd, env = {}, timeoutMs, wrapper = [], told = false }) {
  return new Promise((resolve) => {
    const started = performance.now()
    const counts = { file, passed: 0, failed: 0, failures: [] }
    let output = ''
    const node = [process.execPath, '--enable-source-maps', join(folder, file)]
    const [program, ...words] = [...wrapper, ...node]
    const child = spawn(program, words, {
      cwd,
      // tap's own limit of 30 s is for a whole file; some wait for real seconds to pass.
      env: { ...process.env, TAP: '1', TAP_TIMEOUT: '400', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
    })
    const parser = new Parser({ name: file })
    count(parser, [], counts)
    child.stdout.on('data', (chunk) => {
      output += chunk
      parser.write(chunk)
    })
    child.stderr.on('data', (chunk) => {
      output += chunk
      if (told) process.stdout.write(chunk)
    })
    child.on('close', (code, signal) => {
      parser.end()
      if (counts.failed === 0 && (code !== 0 || counts.passed === 0)) {
        counts.failed = 1
        const end = signal ?? `exit ${code}`
        const path = `${file} ended with ${end} after ${counts.passed} assertions`
        counts.failures.push({ path, diag: output.slice(-4000) })
      }
      report(counts, performance.now() - started)
      resolve(counts)
    })
  })
}

function count(parser, path, counts) {
  const failedWithin = new Map()
  parser.on('child', (inner) => {
    const before = counts.failed
    count(inner, [...path, inner.name], counts)
    inner.on('complete', () => failedWithin.set(inner.name, counts.failed - before))
  })
  parser.on('assert', (result) => {
    // The closing line of a subtest repeats what its own lines said.
    const within = failedWithin.get(result.name)
    if (within !== undefined && (result.ok || within > 0)) return
    counts[result.ok ? 'passed' : 'failed'] += 1
    if (result.ok) return
    counts.failures.push({ path: [...path, result.name].join(' › '), diag: result.diag })
  })
}

function report({ file, passed, failed, failures }, tookMs) {
  const mark = failed === 0 ? 'ok  ' : 'FAIL'
  const seconds = (tookMs / 1000).toFixed(1)
  console.log(`${mark} ${file}  ${passed} passed, ${failed} failed  ${seconds} s`)
  for (const { path, diag } of failures) {
    console.log(`     ✗ ${path}`)
    if (diag === undefined || diag === null) continue
    const text = typeof diag === 'string' ? diag : JSON.stringify(diag, null, 2)
    console.log(text.replace(/^/gm, '       '))
  }
}

const briefLinesMax = 60
const briefDiffLinesMax = 8
const briefColumnsMax = 300

/** What a failure comes down to, a few lines: where, which claim, and how the two sides differ. */
function briefOf({ file, path, diag }) {
  const about = file === undefined || path.startsWith(file) ? path : `${file}: ${path}`
  // A file that died tells why in its last lines.
  if (typeof diag === 'string') return [about, ...diag.trimEnd().split('\n').slice(-6)]
  const { at, diff, message } = diag ?? {}
  const place = at?.fileName === undefined ? [] : [`at ${at.fileName}:${at.lineNumber}`]
  const said = typeof message === 'string' && !about.endsWith(message) ? message.split('\n') : []
  const sides = (diff ?? '').split('\n').filter((line) => /^[-+](?!-- |\+\+ )/.test(line))
  const more = sides.length - briefDiffLinesMax
  const cut = more > 0 ? [`… ${more} more lines differ`] : []
  return [about, ...place, ...said.slice(0, 4), ...sides.slice(0, briefDiffLinesMax), ...cut]
}

/** Where a run's failures are told once more, right above its last line. */
export const failuresHeading = '── failures'

function printBriefly(failures) {
  if (failures.length === 0) return
  console.log(`\n${failuresHeading}`)
  const lines = failures.flatMap((failure) => {
    const [about, ...rest] = briefOf(failure)
    return [`✗ ${about}`, ...rest.map((line) => `    ${line}`)]
  })
  for (const line of lines.slice(0, briefLinesMax)) console.log(line.slice(0, briefColumnsMax))
  const more = lines.slice(briefLinesMax).filter((line) => line.startsWith('✗')).length
  if (more > 0) console.log(`… and ${more} more`)
}

/** Runs the files in order, `jobs` at a time. */
export async function runFiles(files, jobs, how) {
  const queue = [...files]
  const results = []
  const lane = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift())
      results.push(await runFile({ ...how, file }))
  }
  await Promise.all(Array.from({ length: jobs }, lane))
  return results
}

/** The failures once more, the closing line, and the exit code that goes with it. */
export function closeWith(results) {
  printBriefly(
    results.flatMap(({ file, failures = [] }) => failures.map((each) => ({ file, ...each }))),
  )
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  const failed = results.reduce((sum, result) => sum + result.failed, 0)
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1
}
