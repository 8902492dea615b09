// Where scripts/run-clients.js has put the clients that are not npm packages.

import { join } from 'node:path'

const folder = process.env.LAMBDA_EMU_CLIENTS
if (folder === undefined) {
  throw new Error('LAMBDA_EMU_CLIENTS is not set: run these tests with `npm run test:clients`')
}

export const prepared = {
  /** A Python with boto3. */
  python: join(folder, 'venv/bin/python'),
  /** The AWS command line. */
  aws: join(folder, 'venv/bin/aws'),
  goClient: join(folder, 'go/client'),
  /** A bootstrap for provided.al2023. */
  goFunction: join(folder, 'go/function'),
  /** The AWS Lambda Web Adapter, an external extension. */
  webAdapter: join(folder, 'rust/bin/lambda-adapter'),
  /** An external extension on the crate lambda-extension. */
  toldExtension: join(folder, 'rust/bin/told'),
  /** Code folders of functions for provided.al2023, each with the official runtime client of its language. */
  official: {
    nodejs: join(folder, 'official-nodejs'),
    nodejs24: join(folder, 'official-nodejs24'),
    python: join(folder, 'official-python'),
    go: join(folder, 'official-go'),
  },
  /** A function on the OpenTelemetry SDK. */
  opentelemetry: join(folder, 'opentelemetry'),
  /** Code folders of applications that are written in a web framework, each with its template. */
  apps: {
    express: join(folder, 'app-express'),
    fastify: join(folder, 'app-fastify'),
    fastapi: join(folder, 'app-fastapi'),
  },
} as const
