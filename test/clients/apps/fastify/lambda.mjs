// The Lambda handler of the Fastify application. Every answer is base64: the gateway then changes no byte of it.
import awsLambda from '@fastify/aws-lambda'
import { app } from './app.mjs'

export const handler = awsLambda(app, { enforceBase64: () => true })
await app.ready()
