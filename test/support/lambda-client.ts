// AWS's own client, speaking to an emulator: tried once, and ended with the test.

import { LambdaClient } from '@aws-sdk/client-lambda'
import type { Test } from 'tap'

export function lambdaClient(t: Test, endpoint: string): LambdaClient {
  const lambda = new LambdaClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  })
  t.teardown(() => lambda.destroy())
  return lambda
}
