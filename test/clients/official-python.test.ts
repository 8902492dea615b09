// The behaviour table on the official runtime client: awslambdaric for Python.

import { playTable } from './official/play.js'

playTable('python')
