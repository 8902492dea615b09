// Errors of the first kind: what AWS would answer. Thrown by handlers, written to the wire by one
// function.

import type { ErrorTraits, ServiceModel, ShapeModel } from './protocol/model.js'

export interface ServiceErrorDetails {
  /** HTTP status; only for errors that the service's model does not list. */
  readonly status?: number
  /**
   * Members of the error beside its message, by their names in the model (Reason, retryAfterSeconds
   * …).
   */
  readonly members?: Readonly<Record<string, unknown>>
}

/** An error that AWS itself would answer with. Status and fault come from the service's model. */
export class ServiceError extends Error {
  override readonly name: string
  readonly status: number | undefined
  readonly members: Readonly<Record<string, unknown>>

  constructor(name: string, message: string, details: ServiceErrorDetails = {}) {
    super(message)
    this.name = name
    this.status = details.status
    this.members = details.members ?? {}
  }
}

export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * The HTTP answer for an error. One that the model lists carries Type and the spelling of
 * `message` that the model has; any other carries only `message`.
 * Source: fixtures/recorded/aws-recorded-answers.json (ResourceNotFoundException: Message and Type;
 * InvalidParameterValueException: message and Type).
 */
// UNRECORDED: error-type-service — "Service" as the Type of errors that are not the caller's fault
// is from documentation.
export function errorAnswer(
  model: Pick<ServiceModel, 'shapes'>,
  error: ServiceError,
  requestId: string,
): ErrorAnswer {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'x-amzn-requestid': requestId,
    'x-amzn-errortype': error.name,
  }
  const shape = ownShape(model, error.name)
  const traits = shape?.error
  if (shape === undefined || traits === undefined) {
    const body = JSON.stringify({ ...error.members, message: error.message })
    return { status: error.status ?? 400, headers, body }
  }
  const body = modelledBody(shape, traits, error, headers)
  return { status: error.status ?? traits.status, headers, body: JSON.stringify(body) }
}

function ownShape(model: Pick<ServiceModel, 'shapes'>, name: string): ShapeModel | undefined {
  return Object.hasOwn(model.shapes, name) ? model.shapes[name] : undefined
}

function modelledBody(
  shape: ShapeModel,
  traits: ErrorTraits,
  error: ServiceError,
  headers: Record<string, string>,
): Record<string, unknown> {
  const body: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(shape.members ?? {})) {
    const value = errorMember(name, traits, error)
    if (value === undefined) continue
    if (member.location === 'header') {
      headers[(member.locationName ?? name).toLowerCase()] = String(value)
    } else {
      body[member.locationName ?? name] = value
    }
  }
  return body
}

function errorMember(name: string, traits: ErrorTraits, error: ServiceError): unknown {
  const given = error.members[name]
  if (given !== undefined) return given
  if (name === 'message' || name === 'Message') return error.message
  if (name === 'Type') return traits.fault
  return undefined
}
