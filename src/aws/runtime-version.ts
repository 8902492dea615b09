// The ARN of a runtime's version: stable for each runtime identifier, since there is only one version here.

import { createHash } from 'node:crypto'

/** The same on every machine, so that a comparison of two answers shows no difference. */
export function runtimeVersionArn(region: string, runtime: string): string {
  const hash = createHash('sha256').update(runtime).digest('hex')
  return `arn:aws:lambda:${region}::runtime:${hash}`
}
