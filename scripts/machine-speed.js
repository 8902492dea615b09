#!/usr/bin/env node
// How fast this machine is at the moment, beside the one that figures are promised for: a fixed loop and bare starts of Node.
// Prints one line for people; with --slowness only the factor.
import { spawnSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Two quiet cores on which `npm test` is promised to take under five minutes, Node 20. Source: medians of this script, measured there. */
export const reference = { loopMs: 27, startMs: 30 }

const turns = 20_000_000
const loops = 11
const starts = 10

function median(figures) {
  const sorted = figures.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

function tookMs(work) {
  const startedAtMs = performance.now()
  work()
  return performance.now() - startedAtMs
}

function spin() {
  let state = 1
  for (let turn = 0; turn < turns; turn += 1) state = (Math.imul(state, 1664525) + 1013904223) | 0
  return state
}

function startNode() {
  // Nothing of ours slows it down: a file of certificates alone costs 60 ms.
  const { status } = spawnSync(process.execPath, ['-e', '0'], { env: { PATH: process.env.PATH } })
  if (status !== 0) throw new Error(`a bare node ended with ${status}`)
}

/**
 * @returns milliseconds, medians; and how many times as long as on the reference both take, as their geometric mean, at least 1: a
 * quicker machine makes nothing stricter.
 */
export function measureMachine() {
  spin()
  const loopMs = median(Array.from({ length: loops }, () => tookMs(spin)))
  const startMs = median(Array.from({ length: starts }, () => tookMs(startNode)))
  const factor = Math.sqrt((loopMs / reference.loopMs) * (startMs / reference.startMs))
  return { loopMs, startMs, slowness: Math.max(1, factor) }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { loopMs, startMs, slowness } = measureMachine()
  const line = `a fixed loop takes ${loopMs.toFixed(1)} ms (reference ${reference.loopMs}), a bare node ${startMs.toFixed(1)} ms (reference ${reference.startMs})`
  if (process.argv.includes('--slowness')) console.log(slowness.toFixed(3))
  else console.log(`the machine's speed: ${line}: slowness ${slowness.toFixed(2)}`)
}
