#!/usr/bin/env node
// npm run test:soak: a quarter of an hour of load on one daemon, told while it runs; `--short` takes two minutes. Ends with
// `N passed, N failed`.
import { join } from 'node:path'
import { closeWith, runFiles } from './tap-files.js'

const cwd = join(import.meta.dirname, '..')
const folder = join(cwd, process.env.LAMBDA_EMU_TEST_OUT ?? 'dist', 'test')
const env = process.argv.includes('--short') ? { LAMBDA_EMU_SOAK: 'short' } : {}
closeWith(await runFiles(['soak/soak.test.js'], 1, { folder, cwd, env, told: true }))
