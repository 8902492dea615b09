// Region, service and access key that a request was signed for: read from its signature, which is
// not verified here.

export interface CredentialScope {
  readonly accessKeyId: string
  readonly region: string
  /** The signing name: lambda, sqs, events … */
  readonly service: string
}

// Credential=<access key>/<yyyymmdd>/<region>/<service>/aws4_request
const credential = /^([^/]+)\/\d{8}\/([a-z0-9-]+)\/([a-z0-9-]+)\/aws4_request$/

/**
 * The scope of a SigV4 Authorization header or, failing that, of a presigned URL's
 * X-Amz-Credential. Undefined when the request is unsigned or signed otherwise.
 */
export function parseCredentialScope(
  authorization: string | undefined,
  url: string,
): CredentialScope | undefined {
  const text = fromHeader(authorization) ?? fromQuery(url)
  const match = text === undefined ? null : credential.exec(text)
  const [, accessKeyId, region, service] = match ?? []
  if (accessKeyId === undefined || region === undefined || service === undefined) return undefined
  return { accessKeyId, region, service }
}

function fromHeader(authorization: string | undefined): string | undefined {
  if (authorization === undefined || !authorization.startsWith('AWS4-HMAC-SHA256')) return undefined
  return /[ ,]Credential=([^, ]+)/.exec(authorization)?.[1]
}

function fromQuery(url: string): string | undefined {
  if (!url.includes('X-Amz-Credential=')) return undefined
  return new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('X-Amz-Credential') ?? undefined
}

/** A 12-digit access key names an account; every other key belongs to the default account. */
export function accountOf(accessKeyId: string | undefined, defaultAccountId: string): string {
  return accessKeyId !== undefined && /^\d{12}$/.test(accessKeyId) ? accessKeyId : defaultAccountId
}
