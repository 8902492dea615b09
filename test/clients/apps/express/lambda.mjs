// The Lambda handler of the Express application. Every answer is binary: the gateway then changes no byte of it.
import serverless from 'serverless-http'
import { app } from './app.mjs'

export const handler = serverless(app, { binary: true })
