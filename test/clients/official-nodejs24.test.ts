// The behaviour table on the official runtime client: the newest aws-lambda-ric, on the Node.js that it needs.

import { playTable } from './official/play.js'

playTable('nodejs24')
