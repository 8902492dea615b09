// The behaviour table on the official runtime client: aws-lambda-ric for Node.js.

import { playTable } from './official/play.js'

playTable('nodejs')
