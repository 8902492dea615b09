// The JavaScript SDK against a real emulator.

import { join } from 'node:path'
import { playAll, separateProcess } from './play.js'

const script = join(import.meta.dirname, 'javascript/client.js')
playAll({ name: 'JavaScript', client: separateProcess(process.execPath, [script]) })
