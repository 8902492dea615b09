// What tests of placement share: the figures of the profile that runs, and an invocation of a function.

import type { EmulatorMs, GenerationId, InvocationId, RequestId } from '../../src/domain/brand.js'
import type { Invocation } from '../../src/domain/invocation.js'
import type { PlacementFigures } from '../../src/placement/state.js'
import { localProfile } from '../../src/profile/profile.js'

export const localFigures: PlacementFigures = {
  initLimitMs: localProfile.initLimitMs.value,
  idleLifeMs: localProfile.idleLifeMs.value,
  settleWaitMs: localProfile.settleWaitMs.value,
  resetWaitMs: localProfile.resetWaitMs.value,
  suspendable: true,
  budgetMb: undefined,
  environmentFloorMb: localProfile.environmentFloorMb.value,
  queueWaitMsMax: localProfile.queueWaitMsMax.value,
  // More than any test starts at once that is not about turns.
  startsAtOnce: 10_000,
}

/** A synchronous invocation of `functionArn`; its ids are made of `id`. */
export function invocationOf(
  functionArn: string,
  { id, generation, acceptedAtMs = 0 }: { id: string; generation: string; acceptedAtMs?: number },
): Invocation {
  return {
    invocationId: id as InvocationId,
    requestId: `request-${id}` as RequestId,
    attempt: 1,
    functionArn,
    invokedArn: functionArn,
    version: '$LATEST',
    generation: generation as GenerationId,
    type: 'RequestResponse',
    logTail: false,
    payload: { key: id, bytes: 0 },
    contentType: 'application/json',
    traceHeader: '',
    origin: 'invoke-api',
    acceptedAtMs: acceptedAtMs as EmulatorMs,
  }
}
