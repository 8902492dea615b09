// The small pieces of text that all output is made of: colour, columns, durations, escaped control characters. Pure.

export interface Style {
  bold(text: string): string
  dim(text: string): string
  red(text: string): string
  green(text: string): string
  yellow(text: string): string
  cyan(text: string): string
}

const ESC = '\u001b'

/** ANSI colours, or none. */
export function createStyle(colour: boolean): Style {
  const paint = (open: number, close: number) => (text: string) =>
    colour && text !== '' ? `${ESC}[${open}m${text}${ESC}[${close}m` : text
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  }
}

/** Colour only for a person at a terminal who has not declined it. Source: no-color.org. */
export function wantsColour(
  isTerminal: boolean,
  variables: Readonly<Record<string, string | undefined>>,
): boolean {
  const declined = (variables.NO_COLOR ?? '') !== '' || variables.TERM === 'dumb'
  return isTerminal && !declined
}

/**
 * Function output is not trusted with a terminal: control characters, C1 ones and those that turn the direction of
 * text are shown as escapes. Tabs and line feeds stay.
 */
export function escapeControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const harmful = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g
  return text.replace(harmful, (character) => {
    const code = character.charCodeAt(0)
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`
  })
}

/** 0.8 ms, 214.6 ms, 6.00 s, 2 min 05 s, 3 h 20 min, 2 d 4 h. */
export function duration(durationMs: number): string {
  if (durationMs < 1_000) return `${durationMs.toFixed(1)} ms`
  if (durationMs < 59_995) return `${(durationMs / 1000).toFixed(2)} s`
  const seconds = Math.round(durationMs / 1000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${twoDigits(seconds % 60)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 1_440) return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`
  return `${Math.floor(minutes / 1_440)} d ${Math.floor((minutes % 1_440) / 60)} h`
}

function twoDigits(value: number): string {
  return `${value}`.padStart(2, '0')
}

/** Cut to `width` with an ellipsis. */
export function fit(text: string, width: number): string {
  const characters = [...text]
  return characters.length <= width
    ? text
    : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - [...text].length))
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - [...text].length)) + text
}

/** `1 function`, `2 functions`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`
}

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
  /** It gives way, down to this width, when the table is too wide. */
  readonly shrinkTo?: number
}

/** Rows in columns, two spaces between them, no wider than `width` while some column can shrink. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
  style: Style,
): readonly string[] {
  const all = [columns.map(({ title }) => title), ...rows]
  const widths = columns.map((_, index) =>
    Math.max(...all.map((row) => [...(row[index] ?? '')].length)),
  )
  let excess = widths.reduce((sum, each) => sum + each + 2, -2) - width
  for (const [index, { shrinkTo }] of columns.entries()) {
    const own = widths[index] ?? 0
    if (shrinkTo === undefined || excess <= 0 || own <= shrinkTo) continue
    const less = Math.min(excess, own - shrinkTo)
    widths[index] = own - less
    excess -= less
  }
  const line = (row: readonly string[]) =>
    columns
      .map(({ align }, index) => {
        const cell = fit(row[index] ?? '', widths[index] ?? 0)
        return align === 'right'
          ? padStart(cell, widths[index] ?? 0)
          : padEnd(cell, widths[index] ?? 0)
      })
      .join('  ')
      .trimEnd()
  return [style.dim(line(all[0] ?? [])), ...rows.map(line)]
}

/** 12:00:01.204 where the reader is. */
export function createClockTime(timeZone?: string): (epochMs: number) => string {
  const format = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
    ...(timeZone === undefined ? {} : { timeZone }),
  })
  return (epochMs) => format.format(epochMs)
}
