// From the members of CreateFunction and UpdateFunctionConfiguration to what a function shall be. Pure.

import type {
  Architecture,
  CreateFunctionRequest,
  UpdateFunctionConfigurationRequest,
} from '../../aws/models/lambda.js'
import type { CodePackage, FunctionDefinition } from '../../domain/function.js'
import { functionArn } from '../../domain/function.js'
import { defaultLogLevels } from '../../domain/log-levels.js'
import { invalidParameter, logLevelInText, notEmulatedMember } from './errors.js'
import type { FunctionKey, FunctionWish, RecordedSettings } from './functions.js'
import { checkEnvironment, checkRuntime, checkSizes } from './limits.js'

/** Members that both requests have: all that can change without new code. */
type Settings = Omit<UpdateFunctionConfigurationRequest, 'FunctionName' | 'RevisionId'>

// Settings under which a function would run otherwise than on AWS if they were only recorded.
const notEmulated = {
  AcceleratorConfig: 'leave it out',
  CapacityProviderConfig: 'leave it out; the function then runs on demand',
  DurableConfig: 'leave it out',
  FileSystemConfigs: 'use /tmp, or a folder of the package',
  ImageConfig: 'only functions that come as a zip can be run',
  Layers: 'put their content into the package',
  RuntimeConfig: 'leave it out',
} as const

/**
 * @throws ServiceError InvalidParameterValueException for what Lambda refuses; 501 for what lambda-emu cannot do.
 */
export function wishToCreate(
  key: FunctionKey,
  request: CreateFunctionRequest,
  code: CodePackage,
): FunctionWish {
  const { Runtime, Handler } = request
  // UNRECORDED: runtime-and-handler — the text for a zip without both.
  if (Runtime === undefined || Handler === undefined) {
    throw invalidParameter(
      'Runtime and Handler are mandatory parameters for functions created with deployment packages.',
    )
  }
  // Defaults: API reference, CreateFunction.
  const blank: FunctionWish = {
    definition: {
      ...key,
      functionArn: functionArn(key.region, key.accountId, key.functionName),
      runtime: Runtime,
      handler: Handler,
      role: request.Role,
      description: '',
      memoryMb: 128,
      timeoutSeconds: 3,
      ephemeralStorageMb: 512,
      architecture: architectureOf(request.Architectures) ?? 'x86_64',
      layers: [],
      logGroup: `/aws/lambda/${key.functionName}`,
      logFormat: 'Text',
      tracingMode: 'PassThrough',
      code,
    },
    recorded: request.Tags === undefined ? {} : { tags: request.Tags },
  }
  return wishToChange(blank, request)
}

/**
 * `before` with the members that `settings` gives; the others stay.
 * @throws as wishToCreate does.
 */
export function wishToChange(before: FunctionWish, settings: Settings): FunctionWish {
  refuseNotEmulated(settings)
  checkSizes(settings)
  const { definition } = before
  checkRuntime(definition.functionName, settings.Runtime ?? definition.runtime)
  const environment =
    settings.Environment === undefined
      ? definition.environment
      : (settings.Environment.Variables ?? {})
  if (environment !== undefined) checkEnvironment(environment)
  const { logFormat, logLevels } = loggingOf(settings.LoggingConfig, definition)
  const { logLevels: _, ...kept } = definition
  return {
    definition: {
      ...kept,
      runtime: settings.Runtime ?? definition.runtime,
      handler: settings.Handler ?? definition.handler,
      role: settings.Role ?? definition.role,
      description: settings.Description ?? definition.description,
      memoryMb: settings.MemorySize ?? definition.memoryMb,
      timeoutSeconds: settings.Timeout ?? definition.timeoutSeconds,
      ephemeralStorageMb: settings.EphemeralStorage?.Size ?? definition.ephemeralStorageMb,
      logGroup: settings.LoggingConfig?.LogGroup ?? definition.logGroup,
      logFormat,
      ...(logLevels === undefined ? {} : { logLevels }),
      tracingMode: settings.TracingConfig?.Mode ?? definition.tracingMode,
      ...(environment === undefined ? {} : { environment }),
    },
    recorded: recordedAfter(before, settings),
  }
}

/** @throws ServiceError 501 for a setting that is given and not emulated; an empty list is none. */
function refuseNotEmulated(settings: Settings): void {
  for (const [member, advice] of Object.entries(notEmulated)) {
    const value = settings[member as keyof typeof notEmulated]
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue
    throw notEmulatedMember(member, advice)
  }
}

function recordedAfter({ recorded }: FunctionWish, settings: Settings): RecordedSettings {
  const { tags } = recorded
  const vpc = settings.VpcConfig === undefined ? recorded.vpc : vpcOf(settings.VpcConfig)
  // An empty text takes these two settings away.
  const deadLetterTargetArn = settings.DeadLetterConfig?.TargetArn ?? recorded.deadLetterTargetArn
  const kmsKeyArn = settings.KMSKeyArn ?? recorded.kmsKeyArn
  const snapStart = settings.SnapStart?.ApplyOn ?? recorded.snapStart
  return {
    ...(tags === undefined ? {} : { tags }),
    ...(vpc === undefined ? {} : { vpc }),
    ...(deadLetterTargetArn === undefined || deadLetterTargetArn === ''
      ? {}
      : { deadLetterTargetArn }),
    ...(kmsKeyArn === undefined || kmsKeyArn === '' ? {} : { kmsKeyArn }),
    ...(snapStart === undefined ? {} : { snapStart }),
  }
}

/** Without subnets and groups the function is in no VPC. */
function vpcOf(given: NonNullable<Settings['VpcConfig']>): RecordedSettings['vpc'] {
  const { SubnetIds = [], SecurityGroupIds = [], Ipv6AllowedForDualStack = false } = given
  if (SubnetIds.length === 0 && SecurityGroupIds.length === 0) return undefined
  return {
    subnetIds: SubnetIds,
    securityGroupIds: SecurityGroupIds,
    ipv6AllowedForDualStack: Ipv6AllowedForDualStack,
  }
}

/**
 * Levels belong to the JSON format: with it they come, and without it they go.
 * @throws ServiceError InvalidParameterValueException for a level in Text format.
 */
function loggingOf(
  given: Settings['LoggingConfig'],
  before: FunctionDefinition,
): Pick<FunctionDefinition, 'logFormat' | 'logLevels'> {
  const {
    ApplicationLogLevel,
    SystemLogLevel,
    LogFormat: logFormat = before.logFormat,
  } = given ?? {}
  const levelGiven = ApplicationLogLevel !== undefined || SystemLogLevel !== undefined
  if (logFormat === 'Text') {
    if (levelGiven) throw logLevelInText()
    return { logFormat }
  }
  const { application, system } = before.logLevels ?? defaultLogLevels
  return {
    logFormat,
    logLevels: {
      application: ApplicationLogLevel ?? application,
      system: SystemLogLevel ?? system,
    },
  }
}

/** The model allows a list; Lambda takes one. */
export function architectureOf(
  given: readonly Architecture[] | undefined,
): FunctionDefinition['architecture'] | undefined {
  return given?.[0]
}
