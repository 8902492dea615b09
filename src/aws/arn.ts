// Function names as callers write them: short, with an account, as a partial or a full ARN, each
// with or without a qualifier.

import { ServiceError } from './errors.js'

export interface FunctionReference {
  readonly functionName: string
  /** Version number, alias, $LATEST or $LATEST.PUBLISHED; undefined when the caller named none. */
  readonly qualifier?: string
  /** Those that the name itself states. */
  readonly partition?: string
  readonly region?: string
  readonly accountId?: string
}

export interface AccountScope {
  readonly accountId: string
  readonly region: string
}

export interface ResolvedFunctionReference extends AccountScope {
  readonly functionName: string
  readonly qualifier?: string
  /** arn:<partition>:lambda:<region>:<account>:function:<name> */
  readonly functionArn: string
  /** The same with `:<qualifier>` when there is one. */
  readonly invokedArn: string
}

// The parts and their order are those of the pattern of FunctionName in the service model.
const reference = new RegExp(
  [
    '^(?:arn:(?<partition>aws[a-zA-Z-]*)?:lambda:)?',
    '(?:(?<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\\d):)?',
    '(?:(?<accountId>\\d{12}):)?',
    '(?:function:)?(?<functionName>[a-zA-Z0-9-_.]+)',
    '(?::(?<qualifier>\\$LATEST(?:\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?$',
  ].join(''),
)

// The pattern alone would take a layer's ARN for a function named "layer".
const fullArn = /^arn:[^:]+:lambda:[^:]+:\d{12}:function:/

/** Undefined when the text is no form of a function's name. */
export function parseFunctionReference(text: string): FunctionReference | undefined {
  const groups = reference.exec(text)?.groups
  if (groups?.functionName === undefined) return undefined
  const { functionName, qualifier, partition, region, accountId } = groups
  if (text.startsWith('arn:') && !fullArn.test(text)) return undefined
  return {
    functionName,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(partition === undefined ? {} : { partition }),
    ...(region === undefined ? {} : { region }),
    ...(accountId === undefined ? {} : { accountId }),
  }
}

/**
 * The function that a request means: what the name leaves out comes from the request's scope.
 * @throws ServiceError InvalidParameterValueException when name and `qualifier` parameter disagree
 * (text: fixtures/recorded/aws-recorded-answers.json, test_ops_with_arn_qualifier_mismatch) or the name has no
 * known form; ResourceNotFoundException when the name states another region than the request's.
 */
// UNRECORDED: function-name-form — the text for a name that passes the model's pattern and yet has
// no form.
// UNRECORDED: function-in-other-region — the text for an ARN of another region.
export function resolveFunctionReference(
  text: string,
  qualifier: string | undefined,
  scope: AccountScope,
): ResolvedFunctionReference {
  const parsed = parseFunctionReference(text)
  if (parsed === undefined) {
    throw new ServiceError(
      'InvalidParameterValueException',
      `${text} is not a valid function name or ARN`,
    )
  }
  if (parsed.qualifier !== undefined && qualifier !== undefined && parsed.qualifier !== qualifier) {
    throw new ServiceError(
      'InvalidParameterValueException',
      'The derived qualifier from the function name does not match the specified qualifier.',
    )
  }
  if (parsed.region !== undefined && parsed.region !== scope.region) {
    throw new ServiceError(
      'ResourceNotFoundException',
      `Functions from '${parsed.region}' are not reachable in this region ('${scope.region}')`,
    )
  }
  const region = parsed.region ?? scope.region
  const accountId = parsed.accountId ?? scope.accountId
  const chosen = parsed.qualifier ?? qualifier
  const partition = parsed.partition ?? 'aws'
  const arn = `arn:${partition}:lambda:${region}:${accountId}:function:${parsed.functionName}`
  return {
    accountId,
    region,
    functionName: parsed.functionName,
    functionArn: arn,
    invokedArn: chosen === undefined ? arn : `${arn}:${chosen}`,
    ...(chosen === undefined ? {} : { qualifier: chosen }),
  }
}
