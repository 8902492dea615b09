// A planned function's code as files, and as the zip that Lambda's API takes.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ZipFile } from 'yazl'
import type { PlannedFunction } from '../tool.js'

/** The name of the code file in the folder of its function. */
export function codeFile(folder: string, planned: PlannedFunction): string {
  return join(folder, planned.language === 'node' ? 'index.js' : 'index.py')
}

/** Makes the folder of a function, with its code in it. */
export function writeCode(folder: string, planned: PlannedFunction): void {
  mkdirSync(folder, { recursive: true })
  if (planned.language === 'node') {
    writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n')
  }
  writeFileSync(codeFile(folder, planned), planned.source)
}

/** The function as a deployment package, in base64. */
export async function zipOf(planned: PlannedFunction): Promise<string> {
  const zip = new ZipFile()
  const file = planned.language === 'node' ? 'index.js' : 'index.py'
  zip.addBuffer(Buffer.from(planned.source), file)
  zip.end()
  const parts: Buffer[] = []
  for await (const part of zip.outputStream) parts.push(Buffer.from(part as Uint8Array))
  return Buffer.concat(parts).toString('base64')
}
