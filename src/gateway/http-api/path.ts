// The path of a request as HTTP APIs see it: decoded, unlike that of REST APIs.

/**
 * The path decoded, and cut at a question mark that appears in it. What cannot be decoded stays as it was sent.
 * Source: third parties' captures on AWS, of rawPath and of format 1.0's path alike (2024-02, 2026-09).
 */
// UNRECORDED: http-decoded-routing — that routes are chosen, and parameters taken, by the decoded path.
export function decodedPath(path: string): string {
  const decoded = path
    .split('/')
    .map((segment) => decodeSegment(segment))
    .join('/')
  const cut = decoded.indexOf('?')
  return cut < 0 ? decoded : decoded.slice(0, cut)
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
