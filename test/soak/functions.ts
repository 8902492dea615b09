// The twenty functions of the soak, half of them Node and half Python: what each is asked, and what alone is a right answer.

import type { WrittenFunction } from '../support/in-process.js'

/**
 * What a function does beside answering: nothing, three lines of log, 5 ms of sleep, a file in /tmp that is written and
 * read, an answer of 20 KB.
 */
const kinds = ['plain', 'logs', 'sleeps', 'files', 'large'] as const
const languages = ['node', 'python'] as const
const copies = [1, 2] as const

const largeBytes = 20_000

const nodeSource = `
const { readFileSync, writeFileSync } = require('node:fs')
const { setTimeout: sleep } = require('node:timers/promises')
const { KIND: kind, AWS_LAMBDA_FUNCTION_NAME: name } = process.env
const text = 'x'.repeat(kind === 'large' ? ${largeBytes} : 1)
exports.handler = async ({ id }, { awsRequestId }) => {
  if (kind === 'sleeps') await sleep(5)
  if (kind === 'logs') for (let line = 1; line <= 3; line += 1) console.log(\`line \${line} of \${id}\`)
  if (kind !== 'files') return { id, name, awsRequestId, text }
  writeFileSync('/tmp/note', \`\${id}\`)
  return { id: Number(readFileSync('/tmp/note', 'utf8')), name, awsRequestId, text }
}`

const pythonSource = `
import os
import time

kind = os.environ["KIND"]
name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
text = "x" * (${largeBytes} if kind == "large" else 1)


def handler(event, context):
    given = event["id"]
    if kind == "sleeps":
        time.sleep(0.005)
    if kind == "logs":
        for line in range(1, 4):
            print(f"line {line} of {given}")
    if kind == "files":
        with open("/tmp/note", "w") as file:
            file.write(str(given))
        with open("/tmp/note") as file:
            given = int(file.read())
    return {"id": given, "name": name, "awsRequestId": context.aws_request_id, "text": text}
`

/** By name; `environment` is added to each. */
export function soakFunctions(
  environment: Readonly<Record<string, string>>,
): Readonly<Record<string, WrittenFunction>> {
  const written = languages.flatMap((language) =>
    kinds.flatMap((kind) =>
      copies.map((copy) => {
        const isNode = language === 'node'
        const described: WrittenFunction = {
          runtime: isNode ? 'nodejs22.x' : 'python3.12',
          environment: { ...environment, KIND: kind },
          timeoutSeconds: 30,
          files: isNode ? { 'index.js': nodeSource } : { 'app.py': pythonSource },
        }
        return [`${language}-${kind}-${copy}`, described] as const
      }),
    ),
  )
  return Object.fromEntries(written)
}

/** One Node and one Python function. */
export const twoFunctions: readonly string[] = ['node-plain-1', 'python-plain-1']

export interface Answered {
  readonly status: number
  /** X-Amz-Function-Error. */
  readonly functionError: string | undefined
  readonly requestId: string
  readonly text: string
}

/** What is wrong with an answer; undefined when it is the one for this very call. */
export function wrongIn(answer: Answered, call: { readonly name: string; readonly id: number }) {
  const { status, functionError, requestId, text } = answer
  const shown = `${text.slice(0, 200)}`
  if (status !== 200) return `status ${status}: ${shown}`
  if (functionError !== undefined) return `${functionError}: ${shown}`
  const body = JSON.parse(text) as Readonly<Record<string, unknown>>
  const bytes = call.name.includes('large') ? largeBytes : 1
  const right =
    body.id === call.id &&
    body.name === call.name &&
    body.awsRequestId === requestId &&
    body.text === 'x'.repeat(bytes)
  return right ? undefined : `not the answer to ${call.name} ${call.id}, ${requestId}: ${shown}`
}
