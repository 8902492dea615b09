// The HTTP APIs of a project as the gateway serves them: plain data, whatever they were loaded from.

export type ApiDefinition = RestApi | HttpApi

interface ApiBase {
  /** Ten lower-case letters and digits, always the same for the same logical id: what API Gateway calls apiId. */
  readonly id: string
  readonly logicalId: string
  readonly name: string
  readonly stageVariables?: Readonly<Record<string, string>>
  /** Properties of the source that are kept and have no effect on this machine. */
  readonly recordedOnly?: readonly string[]
}

/** An Amazon API Gateway REST API (v1) with its one stage. */
export interface RestApi extends ApiBase {
  readonly kind: 'rest'
  readonly stageName: string
  readonly binaryMediaTypes: readonly string[]
  readonly resources: readonly RestResource[]
  /** By response type, such as MISSING_AUTHENTICATION_TOKEN or DEFAULT_4XX. */
  readonly gatewayResponses: Readonly<Record<string, GatewayResponse>>
}

/** A path with the methods that it has. A resource may have none. */
export interface RestResource {
  /** As the template has it: `/orders/{id}`, `/{proxy+}`, `/`. */
  readonly path: string
  /** By verb in capitals; ANY stands for the seven verbs that have no own entry. */
  readonly methods: Readonly<Record<string, RestMethod>>
}

export type RestMethod =
  | {
      readonly is: 'lambda'
      readonly functionName: string
      readonly operationName?: string
      /** From 50 to 29,000 (AWS allows more on request); 29,000 unless the API says less. */
      readonly timeoutMs: number
    }
  /** A MOCK integration that always answers the same: what SAM's Cors makes of OPTIONS. */
  | {
      readonly is: 'mock'
      readonly statusCode: number
      readonly headers: Readonly<Record<string, string>>
    }
  /** Something that is not emulated yet, such as an authorizer that cannot be asked: answered with 501 and this sentence. */
  | { readonly is: 'not-emulated'; readonly reason: string }

/** What an API answers itself when a request does not get through. */
export interface GatewayResponse {
  readonly statusCode?: number
  /** By header name; a value is `'static text'` in single quotes, or `context.…`, `method.request.…`, `stageVariables.…`. */
  readonly headers: Readonly<Record<string, string>>
  /** By media type; `$context.…` and `$stageVariables.…` are replaced. */
  readonly templates: Readonly<Record<string, string>>
}

/** An Amazon API Gateway HTTP API (v2) with its one stage. */
export interface HttpApi extends ApiBase {
  readonly kind: 'http'
  /** `$default`, served at the root, or a name that is the first path segment. */
  readonly stageName: string
  readonly routes: readonly HttpRoute[]
  readonly cors?: HttpCors
}

export interface HttpRoute {
  /** `GET /orders/{id}`, `ANY /{proxy+}` or `$default`. */
  readonly routeKey: string
  readonly target:
    | {
        readonly is: 'lambda'
        readonly functionName: string
        readonly payloadFormatVersion: '1.0' | '2.0'
        /** From 50 to 30,000; 30,000 unless the API says less. */
        readonly timeoutMs: number
      }
    | { readonly is: 'not-emulated'; readonly reason: string }
}

/** CorsConfiguration of an HTTP API: the gateway answers preflights and replaces the CORS headers of functions. */
export interface HttpCors {
  readonly allowCredentials?: boolean
  readonly allowHeaders: readonly string[]
  readonly allowMethods: readonly string[]
  readonly allowOrigins: readonly string[]
  readonly exposeHeaders: readonly string[]
  readonly maxAgeSeconds?: number
}

/** A rule that calls a function at certain times. */
export interface ScheduleDefinition {
  readonly logicalId: string
  /** The rule's name: last part of its ARN. */
  readonly name: string
  readonly functionName: string
  /** `rate(…)` or `cron(…)` as EventBridge takes it; `at(…)` with `kind: 'scheduler'` only. */
  readonly expression: string
  readonly enabled: boolean
  /** JSON text that the function gets in place of the scheduled event. */
  readonly input?: string
  /** `rule`: EventBridge rule (Schedule). `scheduler`: EventBridge Scheduler (ScheduleV2), which knows time zones. */
  readonly kind: 'rule' | 'scheduler'
  readonly timeZone?: string
}
