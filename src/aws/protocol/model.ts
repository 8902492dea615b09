// The form of a generated service model: botocore's traits without its prose.

export type ShapeType =
  | 'structure'
  | 'list'
  | 'map'
  | 'string'
  | 'character'
  | 'blob'
  | 'boolean'
  | 'byte'
  | 'short'
  | 'integer'
  | 'long'
  | 'float'
  | 'double'
  | 'bigdecimal'
  | 'biginteger'
  | 'timestamp'

export type TimestampFormat = 'unixTimestamp' | 'iso8601' | 'rfc822'

export interface MemberModel {
  readonly shape: string
  readonly location?: 'uri' | 'querystring' | 'header' | 'headers' | 'statusCode'
  readonly locationName?: string
  readonly timestampFormat?: TimestampFormat
  readonly streaming?: true
  readonly eventpayload?: true
  readonly eventheader?: true
  readonly idempotencyToken?: true
}

export interface ErrorTraits {
  readonly status: number
  readonly fault: 'User' | 'Service'
  readonly code?: string
}

export interface ShapeModel {
  readonly type: ShapeType
  readonly members?: Readonly<Record<string, MemberModel>>
  readonly required?: readonly string[]
  /** The member that is the whole body. */
  readonly payload?: string
  readonly member?: MemberModel
  readonly key?: MemberModel
  readonly value?: MemberModel
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly min?: number
  readonly max?: number
  readonly sensitive?: true
  readonly streaming?: true
  readonly timestampFormat?: TimestampFormat
  readonly eventstream?: true
  readonly event?: true
  readonly document?: true
  readonly error?: ErrorTraits
}

export interface OperationModel {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'PATCH' | 'HEAD'
  /**
   * With {labels}, and after a ? the query that tells it from another operation on the same path.
   */
  readonly uri: string
  readonly status: number
  readonly input?: string
  readonly output?: string
  readonly errors: readonly string[]
}

export interface ServiceModel {
  readonly service: string
  readonly serviceId: string
  readonly apiVersion: string
  readonly protocol: string
  readonly signingName?: string
  readonly endpointPrefix: string
  readonly operations: Readonly<Record<string, OperationModel>>
  readonly shapes: Readonly<Record<string, ShapeModel>>
}
