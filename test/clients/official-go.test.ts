// The behaviour table on the official runtime client: aws-lambda-go.

import { playTable } from './official/play.js'

playTable('go')
