// What HTTP can carry as a header: the last check before a name and a value stand on a connection.

const tokenForm = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const valueForm = /^[\t\x20-\x7e\x80-\xff]*$/

/** Whether node:http would write it as it is: every character of the value is one byte. */
export function isHeader(name: string, value: string): boolean {
  return tokenForm.test(name) && valueForm.test(value)
}

/** A text as its UTF-8 bytes, one character each. */
export function utf8Bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
