// Sample events: for each source the shape in which AWS hands it to a function. Pure: time and identifiers come in.
// Source of the shapes: AWS's API Gateway guide and recorded proxy events (2024-08); aws-lambda-go's event test data.

import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

/** What an event may be told to hold; each source uses what fits it. */
export interface EventWish {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** Bucket, queue, topic, table, stream, rule, log group or user pool. */
  readonly name: string | undefined
  readonly key: string
  readonly region: string
  readonly accountId: string
}

export interface Moment {
  readonly nowMs: number
  uuid(): string
  /** Lower-case hexadecimal digits. */
  hex(digits: number): string
}

export interface EventSource {
  readonly describe: string
  /** The options that it heeds, beside region and account. */
  readonly options: readonly (keyof EventWish)[]
  make(wish: EventWish, moment: Moment): unknown
}

const http = ['method', 'path', 'headers', 'body'] as const
const named = ['name', 'body'] as const

export const eventSources: Readonly<Record<string, EventSource>> = {
  'apigateway-v1': { describe: 'REST API, and HTTP API with payload 1.0', options: http, make: v1 },
  'http-v2': { describe: 'HTTP API and function URL, payload 2.0', options: http, make: v2 },
  alb: { describe: 'Application Load Balancer', options: http, make: alb },
  s3: { describe: 'an object was put into a bucket', options: ['name', 'key'], make: s3 },
  sqs: { describe: 'one message of a queue', options: named, make: sqs },
  sns: { describe: 'one notification of a topic', options: named, make: sns },
  dynamodb: { describe: 'one inserted item of a table', options: ['name', 'key'], make: dynamodb },
  kinesis: { describe: 'one record of a stream', options: named, make: kinesis },
  schedule: {
    describe: 'a rule with a rate or cron expression',
    options: ['name'],
    make: schedule,
  },
  eventbridge: { describe: 'an event on a bus', options: ['name', 'body'], make: eventBridge },
  'cloudwatch-logs': { describe: 'a subscription of a log group', options: named, make: logs },
  cognito: { describe: 'a user confirmed a sign-up', options: ['name'], make: cognito },
}

function split(path: string) {
  const [before = '/', query] = path.split(/\?(.*)/s)
  const pathOnly = before.startsWith('/') ? before : `/${before}`
  return { pathOnly, query: query ?? '', pairs: [...new URLSearchParams(query ?? '')] }
}

/** Last value of each name, as API Gateway's single-value maps have it. */
function last(pairs: readonly (readonly [string, string])[]): Record<string, string> | null {
  return pairs.length === 0 ? null : Object.fromEntries(pairs)
}

function all(pairs: readonly (readonly [string, string])[]): Record<string, string[]> | null {
  const found: Record<string, string[]> = {}
  for (const [name, value] of pairs) found[name] = [...(found[name] ?? []), value]
  return pairs.length === 0 ? null : found
}

/** `dd/MMM/yyyy:HH:mm:ss +0000` */
function logTime(nowMs: number): string {
  const [, day, month, year, time] =
    /^\w+, (\d\d) (\w+) (\d+) ([\d:]+)/.exec(new Date(nowMs).toUTCString()) ?? []
  return `${day}/${month}/${year}:${time} +0000`
}

function iso(nowMs: number): string {
  return new Date(nowMs).toISOString()
}

function isoSeconds(nowMs: number): string {
  return `${iso(nowMs).slice(0, 19)}Z`
}

function clientHeaders(wish: EventWish, moment: Moment, host: string): Record<string, string> {
  const root = `Root=1-${Math.floor(moment.nowMs / 1000).toString(16)}-${moment.hex(24)}`
  return {
    Accept: '*/*',
    ...(wish.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    Host: host,
    'User-Agent': 'curl/8.5.0',
    'X-Amzn-Trace-Id': root,
    'X-Forwarded-For': '127.0.0.1',
    'X-Forwarded-Port': '443',
    'X-Forwarded-Proto': 'https',
    ...wish.headers,
  }
}

const apiId = 'a1b2c3d4e5'

function v1(wish: EventWish, moment: Moment): unknown {
  const { pathOnly, pairs } = split(wish.path)
  const host = `${apiId}.execute-api.${wish.region}.amazonaws.com`
  const headers = clientHeaders(wish, moment, host)
  const proxy = pathOnly.replace(/^\//, '')
  const resource = proxy === '' ? '/' : '/{proxy+}'
  return {
    resource,
    path: pathOnly,
    httpMethod: wish.method,
    headers,
    multiValueHeaders: Object.fromEntries(Object.entries(headers).map(([n, v]) => [n, [v]])),
    queryStringParameters: last(pairs),
    multiValueQueryStringParameters: all(pairs),
    pathParameters: proxy === '' ? null : { proxy },
    stageVariables: null,
    requestContext: {
      accountId: wish.accountId,
      apiId,
      deploymentId: moment.hex(6),
      domainName: host,
      domainPrefix: apiId,
      extendedRequestId: `${Buffer.from(moment.hex(20), 'hex').toString('base64').slice(0, 15)}=`,
      httpMethod: wish.method,
      identity: {
        accessKey: null,
        accountId: null,
        caller: null,
        cognitoAuthenticationProvider: null,
        cognitoAuthenticationType: null,
        cognitoIdentityId: null,
        cognitoIdentityPoolId: null,
        principalOrgId: null,
        sourceIp: '127.0.0.1',
        user: null,
        userAgent: headers['User-Agent'] ?? null,
        userArn: null,
      },
      path: `/Prod${pathOnly}`,
      protocol: 'HTTP/1.1',
      requestId: moment.uuid(),
      requestTime: logTime(moment.nowMs),
      requestTimeEpoch: moment.nowMs,
      resourceId: moment.hex(6),
      resourcePath: resource,
      stage: 'Prod',
    },
    body: wish.body ?? null,
    isBase64Encoded: false,
  }
}

function v2(wish: EventWish, moment: Moment): unknown {
  const { pathOnly, query, pairs } = split(wish.path)
  const host = `${apiId}.execute-api.${wish.region}.amazonaws.com`
  const given = Object.entries(clientHeaders(wish, moment, host))
  const headers = Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), value]))
  const { cookie, ...others } = headers
  const parameters = Object.entries(all(pairs) ?? {}).map(([name, values]) => [
    name,
    values.join(','),
  ])
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath: pathOnly,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/;\s*/) }),
    headers: others,
    ...(pairs.length === 0 ? {} : { queryStringParameters: Object.fromEntries(parameters) }),
    requestContext: {
      accountId: wish.accountId,
      apiId,
      domainName: host,
      domainPrefix: apiId,
      http: {
        method: wish.method,
        path: pathOnly,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: `${Buffer.from(moment.hex(20), 'hex').toString('base64').slice(0, 15)}=`,
      routeKey: '$default',
      stage: '$default',
      time: logTime(moment.nowMs),
      timeEpoch: moment.nowMs,
    },
    ...(wish.body === undefined ? {} : { body: wish.body }),
    isBase64Encoded: false,
  }
}

function alb(wish: EventWish, moment: Moment): unknown {
  const { pathOnly, pairs } = split(wish.path)
  const given = Object.entries(clientHeaders(wish, moment, 'lb.example.com'))
  const group = `targetgroup/lambda/${moment.hex(16)}`
  return {
    requestContext: {
      elb: {
        targetGroupArn: `arn:aws:elasticloadbalancing:${wish.region}:${wish.accountId}:${group}`,
      },
    },
    httpMethod: wish.method,
    path: pathOnly,
    queryStringParameters: last(pairs) ?? {},
    headers: Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), value])),
    body: wish.body ?? '',
    isBase64Encoded: false,
  }
}

function s3(wish: EventWish, moment: Moment): unknown {
  const bucket = wish.name ?? 'my-bucket'
  return {
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        awsRegion: wish.region,
        eventTime: iso(moment.nowMs),
        eventName: 'ObjectCreated:Put',
        userIdentity: { principalId: 'AIDAEXAMPLE' },
        requestParameters: { sourceIPAddress: '127.0.0.1' },
        responseElements: {
          'x-amz-request-id': moment.hex(16).toUpperCase(),
          'x-amz-id-2': Buffer.from(moment.hex(64), 'hex').toString('base64'),
        },
        s3: {
          s3SchemaVersion: '1.0',
          configurationId: 'notification',
          bucket: {
            name: bucket,
            ownerIdentity: { principalId: 'A1EXAMPLE' },
            arn: `arn:aws:s3:::${bucket}`,
          },
          object: {
            // Spaces are plus signs there, as in a form.
            key: encodeURIComponent(wish.key).replaceAll('%20', '+').replaceAll('%2F', '/'),
            size: 1024,
            eTag: moment.hex(32),
            sequencer: moment.hex(18).toUpperCase(),
          },
        },
      },
    ],
  }
}

function sqs(wish: EventWish, moment: Moment): unknown {
  const body = wish.body ?? '{"hello":"world"}'
  return {
    Records: [
      {
        messageId: moment.uuid(),
        receiptHandle: Buffer.from(moment.hex(64), 'hex').toString('base64'),
        body,
        attributes: {
          ApproximateReceiveCount: '1',
          SentTimestamp: `${moment.nowMs}`,
          SenderId: 'AIDAEXAMPLE',
          ApproximateFirstReceiveTimestamp: `${moment.nowMs + 1}`,
        },
        messageAttributes: {},
        md5OfBody: createHash('md5').update(body).digest('hex'),
        eventSource: 'aws:sqs',
        eventSourceARN: `arn:aws:sqs:${wish.region}:${wish.accountId}:${wish.name ?? 'my-queue'}`,
        awsRegion: wish.region,
      },
    ],
  }
}

function sns(wish: EventWish, moment: Moment): unknown {
  const topic = `arn:aws:sns:${wish.region}:${wish.accountId}:${wish.name ?? 'my-topic'}`
  const subscription = `${topic}:${moment.uuid()}`
  const endpoint = `https://sns.${wish.region}.amazonaws.com`
  return {
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn: subscription,
        Sns: {
          Type: 'Notification',
          MessageId: moment.uuid(),
          TopicArn: topic,
          Subject: null,
          Message: wish.body ?? '{"hello":"world"}',
          Timestamp: iso(moment.nowMs),
          SignatureVersion: '1',
          Signature: 'EXAMPLE',
          SigningCertUrl: `${endpoint}/SimpleNotificationService.pem`,
          UnsubscribeUrl: `${endpoint}/?Action=Unsubscribe&SubscriptionArn=${subscription}`,
          MessageAttributes: {},
        },
      },
    ],
  }
}

function dynamodb(wish: EventWish, moment: Moment): unknown {
  const table = `arn:aws:dynamodb:${wish.region}:${wish.accountId}:table/${wish.name ?? 'my-table'}`
  return {
    Records: [
      {
        eventID: moment.hex(32),
        eventName: 'INSERT',
        eventVersion: '1.1',
        eventSource: 'aws:dynamodb',
        awsRegion: wish.region,
        dynamodb: {
          ApproximateCreationDateTime: Math.floor(moment.nowMs / 1000),
          Keys: { id: { S: wish.key } },
          NewImage: { id: { S: wish.key }, count: { N: '1' } },
          SequenceNumber: '100000000000000000001',
          SizeBytes: 26,
          StreamViewType: 'NEW_AND_OLD_IMAGES',
        },
        eventSourceARN: `${table}/stream/${iso(moment.nowMs).slice(0, 23)}`,
      },
    ],
  }
}

function kinesis(wish: EventWish, moment: Moment): unknown {
  const sequenceNumber = '49590338271490256608559692538361571095921575989136588898'
  return {
    Records: [
      {
        kinesis: {
          kinesisSchemaVersion: '1.0',
          partitionKey: 'partition-1',
          sequenceNumber,
          data: Buffer.from(wish.body ?? '{"hello":"world"}').toString('base64'),
          approximateArrivalTimestamp: moment.nowMs / 1000,
        },
        eventSource: 'aws:kinesis',
        eventVersion: '1.0',
        eventID: `shardId-000000000000:${sequenceNumber}`,
        eventName: 'aws:kinesis:record',
        invokeIdentityArn: `arn:aws:iam::${wish.accountId}:role/lambda-role`,
        awsRegion: wish.region,
        eventSourceARN: `arn:aws:kinesis:${wish.region}:${wish.accountId}:stream/${wish.name ?? 'my-stream'}`,
      },
    ],
  }
}

function busEvent(wish: EventWish, moment: Moment) {
  return {
    version: '0',
    id: moment.uuid(),
    account: wish.accountId,
    time: isoSeconds(moment.nowMs),
    region: wish.region,
  }
}

function schedule(wish: EventWish, moment: Moment): unknown {
  const rule = `arn:aws:events:${wish.region}:${wish.accountId}:rule/${wish.name ?? 'my-rule'}`
  const { version, id, ...rest } = busEvent(wish, moment)
  return {
    version,
    id,
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    ...rest,
    resources: [rule],
    detail: {},
  }
}

function eventBridge(wish: EventWish, moment: Moment): unknown {
  const { version, id, ...rest } = busEvent(wish, moment)
  const detail: unknown = JSON.parse(wish.body ?? '{"hello":"world"}')
  const source = wish.name ?? 'my.application'
  return {
    version,
    id,
    'detail-type': 'Something Happened',
    source,
    ...rest,
    resources: [],
    detail,
  }
}

function logs(wish: EventWish, moment: Moment): unknown {
  const message = wish.body ?? 'a line of a log'
  const data = {
    messageType: 'DATA_MESSAGE',
    owner: wish.accountId,
    logGroup: wish.name ?? '/aws/lambda/my-function',
    logStream: `${iso(moment.nowMs).slice(0, 10).replaceAll('-', '/')}/[$LATEST]${moment.hex(32)}`,
    subscriptionFilters: ['my-filter'],
    logEvents: [{ id: '3'.padEnd(56, '0'), timestamp: moment.nowMs, message }],
  }
  return { awslogs: { data: gzipSync(JSON.stringify(data)).toString('base64') } }
}

function cognito(wish: EventWish, moment: Moment): unknown {
  return {
    version: '1',
    triggerSource: 'PostConfirmation_ConfirmSignUp',
    region: wish.region,
    userPoolId: wish.name ?? `${wish.region}_EXAMPLE`,
    userName: 'ada',
    callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: moment.hex(26) },
    request: {
      userAttributes: {
        sub: moment.uuid(),
        email_verified: 'true',
        'cognito:user_status': 'CONFIRMED',
        email: 'ada@example.com',
      },
    },
    response: {},
  }
}
