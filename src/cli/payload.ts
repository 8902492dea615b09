// What is wrong with a payload before it is sent: whether it is JSON, and where it stops being so. Pure.

/** One phrase with the place; undefined for good JSON. */
export function jsonComplaint(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return 'it is empty'
  const broken = brokenAt(bytes)
  if (broken !== undefined) return `byte ${broken} is not UTF-8`
  const text = bytes.toString('utf8')
  if (text.trim() === '') return 'it is blank'
  if (text.startsWith('\ufeff')) return 'it begins with a byte order mark'
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    return placed(error instanceof Error ? error.message : String(error), text)
  }
}

/** Node names the offset, newer ones with the line, and none for a text that ends too early. */
function placed(message: string, text: string): string {
  const offset = /at position (\d+)/.exec(message)?.[1]
  const at = offset === undefined ? text.length : Number(offset)
  const before = text.slice(0, at).split('\n')
  const place = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
  const what = message
    .replace(/ \(line \d+ column \d+\)/, '')
    .replace(/ in JSON at position \d+| at position \d+/, '')
    .replace(/, ?(\.\.\.)?".*"?(\.\.\.)? is not valid JSON$/s, '')
    .replace(/\s*\n\s*/g, ' ')
  return `${what} (${place})`
}

/** Index of the first byte that is no UTF-8. */
function brokenAt(bytes: Buffer): number | undefined {
  const decodes = (end: number) => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end), {
        stream: end < bytes.length,
      })
      return true
    } catch {
      return false
    }
  }
  if (decodes(bytes.length)) return undefined
  let good = 0
  let bad = bytes.length
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (decodes(middle)) good = middle
    else bad = middle
  }
  return good
}
