// How text stands in the headers of the Runtime API, and in the heads of frames, which are the same bytes.

/** Header values go out as UTF-8 bytes, as Lambda sends them. */
export function headerBytes(text: string): string {
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  // DEL can stand in a JSON string and in no header: it goes out as the same JSON, escaped.
  return bytes.replaceAll('\x7f', '\\u007f').replace(/[\r\n]/g, ' ')
}
