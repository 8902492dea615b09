// The Go SDK against a real emulator.

import { playAll, separateProcess } from './play.js'
import { prepared } from './prepared.js'

playAll({ name: 'Go', client: separateProcess(prepared.goClient) })
