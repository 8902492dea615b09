#!/usr/bin/env node
// Runs the compiled test files with plain node, a few at a time, and ends with `N passed, N failed`.
// Plain node, because tap's own runner loads instrumentation into every child process, and the
// processes under test are children whose environment and start-up are themselves measured.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Parser } from 'tap-parser'

const root = join(import.meta.dirname, '..')
const compiled = join(root, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist', 'test')
// Directories whose tests watch real time: one file at a time, after the others.
const alone = /^(e2e|runtimes|freezer|sandbox)\//

function testFiles(wanted) {
  return readdirSync(compiled, { recursive: true })
    .filter((file) => file.endsWith('.test.js') && !file.startsWith('clients/'))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .sort()
}

function run(file) {
  return new Promise((resolve) => {
    const started = performance.now()
    const counts = { file, passed: 0, failed: 0, failures: [], output: '' }
    const child = spawn(process.execPath, ['--enable-source-maps', join(compiled, file)], {
      cwd: root,
      // tap's own limit of 30 s is for a whole file; some wait for real seconds to pass.
      env: { ...process.env, TAP: '1', TAP_TIMEOUT: '240' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const parser = new Parser({ name: file })
    const watch = (into, path) => {
      const failedWithin = new Map()
      into.on('child', (inner) => {
        const before = counts.failed
        watch(inner, [...path, inner.name])
        inner.on('complete', () => failedWithin.set(inner.name, counts.failed - before))
      })
      into.on('assert', (result) => {
        // The closing line of a subtest repeats what its own lines said.
        const within = failedWithin.get(result.name)
        if (within !== undefined && (result.ok || within > 0)) return
        if (result.ok) counts.passed += 1
        else {
          counts.failed += 1
          counts.failures.push({ path: [...path, result.name].join(' › '), diag: result.diag })
        }
      })
    }
    watch(parser, [])
    child.stdout.on('data', (chunk) => {
      counts.output += chunk
      parser.write(chunk)
    })
    child.stderr.on('data', (chunk) => {
      counts.output += chunk
    })
    child.on('close', (code, signal) => {
      parser.end()
      if (code !== 0 && counts.failed === 0) {
        counts.failed = 1
        counts.failures.push({
          path: `${file} ended with ${signal ?? `exit ${code}`}`,
          diag: counts.output.slice(-4000),
        })
      }
      if (counts.passed + counts.failed === 0) {
        counts.failed = 1
        counts.failures.push({ path: `${file} ran no assertion` })
      }
      counts.seconds = (performance.now() - started) / 1000
      report(counts)
      resolve(counts)
    })
  })
}

function report(counts) {
  const mark = counts.failed === 0 ? 'ok  ' : 'FAIL'
  console.log(
    `${mark} ${counts.file}  ${counts.passed} passed, ${counts.failed} failed  ${counts.seconds.toFixed(1)} s`,
  )
  for (const failure of counts.failures) {
    console.log(`     ✗ ${failure.path}`)
    if (failure.diag !== undefined) {
      const text =
        typeof failure.diag === 'string' ? failure.diag : JSON.stringify(failure.diag, null, 2)
      console.log(text.replace(/^/gm, '       '))
    }
  }
}

async function runAll(files, jobs) {
  const queue = [...files]
  const results = []
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (let file = queue.shift(); file !== undefined; file = queue.shift())
        results.push(await run(file))
    }),
  )
  return results
}

const files = testFiles(process.argv.slice(2))
const results = [
  ...(await runAll(
    files.filter((file) => !alone.test(file)),
    2,
  )),
  ...(await runAll(
    files.filter((file) => alone.test(file)),
    1,
  )),
]
const passed = results.reduce((sum, result) => sum + result.passed, 0)
const failed = results.reduce((sum, result) => sum + result.failed, 0)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 && passed > 0 ? 0 : 1
