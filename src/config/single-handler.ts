// One file of code → one function: what the file exports is read from its text, which is never run for it.

import { execFile } from 'node:child_process'
import { basename, dirname, extname } from 'node:path'
import { promisify } from 'node:util'
import { EmulatorError } from '../domain/emulator-error.js'
import { checkFunctionName, limits } from './function-checks.js'
import type { LoadedFunction, LoadOptions } from './loaded.js'
import { invalid } from './source.js'

type Family = 'nodejs' | 'python'

const familyOf: Readonly<Record<string, Family>> = {
  '.js': 'nodejs',
  '.mjs': 'nodejs',
  '.cjs': 'nodejs',
  '.py': 'python',
}

/** Files that look like code, and what to do with them. */
const otherCode: Readonly<Record<string, string>> = {
  '.ts': 'compile it and name the JavaScript file, or its folder in a template',
  '.mts': 'compile it and name the JavaScript file, or its folder in a template',
  '.cts': 'compile it and name the JavaScript file, or its folder in a template',
  '.tsx': 'compile it and name the JavaScript file, or its folder in a template',
  '.jsx': 'compile it and name the JavaScript file, or its folder in a template',
}

/** Whether a path is to be read as one function's code, or refused as such. */
export function isHandlerFile(path: string): boolean {
  const ending = extname(path)
  return ending in familyOf || ending in otherCode
}

/**
 * The function: named after the file, with the defaults of AWS, its code the whole folder.
 * @param text what is in the file.
 * @throws EmulatorError EMU_CONFIG_INVALID when it exports no function, or several and none is called handler;
 * EMU_RUNTIME_MISSING without a python3 for a Python file.
 */
export async function readSingleHandler(
  path: string,
  text: string,
  options: LoadOptions,
): Promise<LoadedFunction> {
  const ending = extname(path)
  const family = familyOf[ending]
  if (family === undefined) {
    return invalid(
      path,
      1,
      `${ending} is not run as it is`,
      otherCode[ending] ?? 'name another file',
    )
  }
  const name = basename(path, ending)
  const complaint = checkFunctionName(name)
  if (complaint !== undefined) {
    return invalid(path, 1, complaint.problem, `rename the file: ${complaint.advice}`)
  }
  const exported = handlerOf(
    path,
    family === 'nodejs' ? nodeExports(text) : pythonNames(text),
    family,
  )
  return {
    logicalId: name,
    functionName: name,
    runtime: family === 'nodejs' ? nodeRuntime() : await pythonRuntime(name),
    handler: `${name}.${exported}`,
    codePath: dirname(path),
    memoryMb: limits.memoryMb.byDefault,
    timeoutSeconds: limits.timeoutSeconds.byDefault,
    ephemeralStorageMb: limits.ephemeralStorageMb.byDefault,
    architecture: 'x86_64',
    description: '',
    role: `arn:aws:iam::${options.accountId ?? '000000000000'}:role/${name}Role`,
    layers: [],
    logFormat: 'Text',
    tracingMode: 'PassThrough',
    recordedOnly: [],
    origin: { path, line: 1 },
  }
}

const usualNames: Readonly<Record<Family, readonly string[]>> = {
  nodejs: ['handler'],
  python: ['lambda_handler', 'handler'],
}

function handlerOf(path: string, names: readonly string[], family: Family): string {
  const usual = usualNames[family].find((name) => names.includes(name))
  const only = names.length === 1 ? names[0] : undefined
  const found = usual ?? only
  if (found !== undefined) return found
  const example =
    family === 'nodejs'
      ? 'export const handler = async event => …'
      : 'def handler(event, context): …'
  if (names.length === 0) return invalid(path, 1, 'it exports no function', `add ${example}`)
  const advice = `call one of them ${usualNames[family].join(' or ')}, or write a template`
  return invalid(path, 1, `it exports ${names.join(', ')}, and none is called handler`, advice)
}

/** Names that a module exports, as far as its text shows: enough for a file written by hand or by a bundler. */
function nodeExports(text: string): readonly string[] {
  const code = withoutComments(text)
  const names = new Set<string>()
  const single = [
    /^\s*export\s+(?:async\s+)?function\s*\*?\s*([\w$]+)/gm,
    /^\s*export\s+(?:const|let|var)\s+([\w$]+)/gm,
    /(?:^|[^\w$.])(?:module\.)?exports\.([\w$]+)\s*=(?!=)/gm,
  ]
  for (const pattern of single) {
    for (const [, name] of code.matchAll(pattern)) if (name !== undefined) names.add(name)
  }
  for (const [, list = ''] of code.matchAll(/export\s*\{([^}]*)\}/g)) {
    for (const part of list.split(',')) {
      const name = part
        .trim()
        .split(/\s+as\s+/)
        .at(-1)
      if (name !== undefined && /^[\w$]+$/.test(name)) names.add(name)
    }
  }
  for (const [, list = ''] of code.matchAll(/module\.exports\s*=\s*\{([^}]*)/g)) {
    for (const [, name] of list.matchAll(/(?:^|,)\s*(?:async\s+)?([\w$]+)\s*(?=[,:(]|$)/g)) {
      if (name !== undefined) names.add(name)
    }
  }
  names.delete('default')
  names.delete('__esModule')
  return [...names]
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}

/** Functions at the top of a module, and what is assigned there under a handler's usual name. */
function pythonNames(text: string): readonly string[] {
  const names = new Set<string>()
  for (const [, name] of text.matchAll(/^def\s+([A-Za-z_]\w*)\s*\(/gm)) {
    if (name !== undefined) names.add(name)
  }
  for (const [, name] of text.matchAll(/^(lambda_handler|handler)\s*(?::[^=\n]+)?=(?!=)/gm)) {
    if (name !== undefined) names.add(name)
  }
  return [...names].filter((name) => !name.startsWith('_'))
}

/** That of the Node that runs us: it is the one on this machine for certain. */
function nodeRuntime(): string {
  return `nodejs${process.versions.node.split('.')[0]}.x`
}

async function pythonRuntime(functionName: string): Promise<string> {
  const print = 'import sys; print("python%d.%d" % sys.version_info[:2])'
  try {
    const { stdout } = await promisify(execFile)('python3', ['-c', print])
    return stdout.trim()
  } catch {
    throw new EmulatorError('EMU_RUNTIME_MISSING', {
      functionName,
      program: 'python3',
      runtime: 'python3',
    })
  }
}
