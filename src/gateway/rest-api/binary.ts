// Binary media types of a REST API: which types of requests and of Accept headers they cover.

/**
 * Exact, `type/*`, or every type for the entry of two stars; a star before the slash alone matches nothing.
 * Source: recorded answers test_aws_proxy_binary_response; API Gateway guide, binary media types.
 */
export function isBinaryType(binaryMediaTypes: readonly string[], type: string): boolean {
  return binaryMediaTypes.some((each) => {
    const entry = each.toLowerCase()
    if (entry === '*/*' || entry === type) return true
    return /^[^*]+\/\*$/.test(entry) && type.startsWith(entry.slice(0, -1))
  })
}

/**
 * Whether a base64 answer is decoded: the first type that the client accepts decides, nothing else.
 * Source: the same.
 */
export function wantsBinary(
  binaryMediaTypes: readonly string[],
  accept: string | undefined,
): boolean {
  if (binaryMediaTypes.includes('*/*')) return true
  const first = (accept ?? '').split(',')[0]?.split(';')[0]?.trim().toLowerCase()
  return first !== undefined && first !== '' && isBinaryType(binaryMediaTypes, first)
}
