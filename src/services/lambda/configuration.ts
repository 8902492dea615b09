// A function as Lambda's API describes it: from our record to FunctionConfiguration. Pure.

import type {
  FunctionConfiguration,
  LastUpdateStatusReasonCode,
  Runtime,
} from '../../aws/models/lambda.js'
import { runtimeVersionArn } from '../../aws/runtime-version.js'
import type { EmulatorMs } from '../../domain/brand.js'
import { defaultLogLevels } from '../../domain/log-levels.js'
import type { FunctionRecord } from './functions.js'

/** Source of every reason text and code here: recorded answers test_function_lifecycle (2025-11-25). */
const creating = { reason: 'The function is being created.', code: 'Creating' } as const

/**
 * @param qualifier as the caller gave it: then the ARN carries it, as GetFunction answers.
 */
// UNRECORDED: qualified-arn — that a qualifier in the request appears in FunctionArn of the answer.
export function functionConfiguration(
  record: FunctionRecord,
  qualifier?: string,
): FunctionConfiguration {
  return {
    ...listedConfiguration(record, qualifier),
    ...stateMembers(record),
    ...runtimeVersion(record),
  }
}

/** Without the state: ListFunctions leaves it out. Source: API reference, ListFunctions. */
export function listedConfiguration(
  record: FunctionRecord,
  qualifier?: string,
): FunctionConfiguration {
  const { definition } = record
  const { functionArn, environment } = definition
  return {
    FunctionName: definition.functionName,
    FunctionArn: qualifier === undefined ? functionArn : `${functionArn}:${qualifier}`,
    Runtime: definition.runtime as Runtime,
    Role: definition.role,
    Handler: definition.handler,
    CodeSize: definition.code.sizeBytes,
    Description: definition.description,
    Timeout: definition.timeoutSeconds,
    MemorySize: definition.memoryMb,
    LastModified: lastModified(record.lastModifiedMs),
    CodeSha256: definition.code.sha256,
    Version: '$LATEST',
    ...(environment === undefined ? {} : { Environment: { Variables: environment } }),
    TracingConfig: { Mode: definition.tracingMode },
    RevisionId: record.revisionId,
    PackageType: 'Zip',
    Architectures: [definition.architecture],
    EphemeralStorage: { Size: definition.ephemeralStorageMb },
    SnapStart: { ApplyOn: record.recorded.snapStart ?? 'None', OptimizationStatus: 'Off' },
    LoggingConfig: loggingConfig(record),
    ...recordedMembers(record),
  }
}

function stateMembers({ state, lastUpdateStatus }: FunctionRecord): FunctionConfiguration {
  if (state === 'Pending') {
    return { State: state, StateReason: creating.reason, StateReasonCode: creating.code }
  }
  if (lastUpdateStatus !== 'InProgress') return { State: state, LastUpdateStatus: lastUpdateStatus }
  return {
    State: state,
    LastUpdateStatus: lastUpdateStatus,
    LastUpdateStatusReason: creating.reason,
    // AWS answers this code, which its own model does not list for updates.
    LastUpdateStatusReasonCode: creating.code as string as LastUpdateStatusReasonCode,
  }
}

function runtimeVersion({ definition }: FunctionRecord): FunctionConfiguration {
  const { region, runtime } = definition
  return { RuntimeVersionConfig: { RuntimeVersionArn: runtimeVersionArn(region, runtime) } }
}

function loggingConfig({
  definition,
}: FunctionRecord): NonNullable<FunctionConfiguration['LoggingConfig']> {
  const { logFormat, logGroup } = definition
  if (logFormat === 'Text') return { LogFormat: logFormat, LogGroup: logGroup }
  const { application, system } = definition.logLevels ?? defaultLogLevels
  return {
    LogFormat: logFormat,
    ApplicationLogLevel: application,
    SystemLogLevel: system,
    LogGroup: logGroup,
  }
}

function recordedMembers({ recorded }: FunctionRecord): FunctionConfiguration {
  const { vpc, deadLetterTargetArn, kmsKeyArn } = recorded
  return {
    // VpcId is left out: there is no VPC here that could have one.
    ...(vpc === undefined
      ? {}
      : {
          VpcConfig: {
            SubnetIds: vpc.subnetIds,
            SecurityGroupIds: vpc.securityGroupIds,
            Ipv6AllowedForDualStack: vpc.ipv6AllowedForDualStack,
          },
        }),
    ...(deadLetterTargetArn === undefined
      ? {}
      : { DeadLetterConfig: { TargetArn: deadLetterTargetArn } }),
    ...(kmsKeyArn === undefined ? {} : { KMSKeyArn: kmsKeyArn }),
  }
}

/** 2026-11-21T01:08:23.000+0000 */
function lastModified(atMs: EmulatorMs): string {
  // A Date from given milliseconds reads no clock.
  return new Date(atMs).toISOString().replace('Z', '+0000')
}
