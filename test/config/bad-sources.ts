// Wrong input as rows: files that cannot be parsed, and lambda-emu.json.

import { templateWith } from './project.js'

export interface BadInput {
  readonly claim: string
  /** File name → text; the first one is loaded. */
  readonly files: Readonly<Record<string, string>>
  readonly code?: string
  readonly message: RegExp
  readonly hint?: RegExp
}

export const yaml = (text: string) => ({ 'template.yaml': text })
export const json = (changes: Readonly<Record<string, unknown>>) => ({
  'template.json': templateWith(changes),
})
const own = (functions: unknown, more: object = {}) => ({
  'lambda-emu.json': JSON.stringify({ functions, ...more }, null, 1),
})
const good = { runtime: 'nodejs22.x', handler: 'index.handler', code: 'src' }

/** Nine times nine, eight levels deep: forty million nodes out of nine lines. */
const multiplying = Array.from({ length: 9 }, (_, level) => {
  const inside = level === 0 ? 'x' : `*l${level - 1}`
  return `l${level}: &l${level} [${Array.from({ length: 9 }, () => inside).join(', ')}]`
}).join('\n')

export const badSources: readonly BadInput[] = [
  {
    claim: 'a file that ends in the middle of a list is invalid at that line',
    files: yaml('Resources:\n  Hello:\n    Type: [AWS::Serverless::Function\n'),
    message: /template\.yaml:[34]: /,
    hint: /YAML/,
  },
  {
    claim: 'wrong indentation is invalid at its line',
    files: yaml('Resources:\n  Hello:\n    Type: x\n   Other: y\n'),
    message: /template\.yaml:4: /,
  },
  {
    claim: 'a key given twice is invalid at its second line',
    files: yaml('Resources:\n  A:\n    Type: x\n  A:\n    Type: y\n'),
    message: /template\.yaml:4: /,
  },
  {
    claim: 'a broken JSON file is invalid, and the advice speaks of JSON',
    files: { 'template.json': '{\n  "Resources": {\n    "A": \n}' },
    message: /template\.json:\d: /,
    hint: /JSON/,
  },
  {
    claim: 'an unknown short tag is invalid at its line',
    files: yaml('Resources:\n  A:\n    Type: !Rfe X\n'),
    message: /template\.yaml:3: !Rfe is not a tag/,
  },
  {
    claim: 'an empty file is invalid',
    files: yaml(''),
    message: /template\.yaml:1: the file is empty/,
  },
  {
    claim: 'a file of two documents is invalid at the line of the second',
    files: yaml('Resources: {}\n---\nResources: {}\n'),
    message: /template\.yaml:2: a second document begins here/,
  },
  {
    claim: 'a file that is no text is invalid',
    files: yaml('\u0000\u0001PK'),
    message: /template\.yaml:1: template is /,
  },
  {
    claim: 'an anchor that stands inside itself is invalid',
    files: yaml('Resources:\n  A: &a\n    Type: x\n    Again: *a\n'),
    message: /template\.yaml:4: \*a stands inside itself/,
  },
  {
    claim: 'anchors that multiply beyond measure are invalid',
    files: yaml(multiplying),
    message: /repeats itself too often/,
  },
  {
    claim: 'a file nested a hundred thousand levels deep is invalid',
    files: yaml(`Resources: ${'['.repeat(100_000)}`),
    message: /template\.yaml:1: it is nested too deeply/,
  },
  {
    claim: 'a file nested a thousand levels deep is invalid',
    files: yaml(`Resources: ${'['.repeat(1000)}${']'.repeat(1000)}`),
    message: /template\.yaml:1: it is nested too deeply/,
  },
  {
    claim: 'a lambda-emu.json without functions is invalid',
    files: { 'lambda-emu.json': '{}' },
    message: /lambda-emu\.json:1: it has no functions/,
  },
  {
    claim: 'an unknown member of lambda-emu.json is invalid, and the advice guesses the right one',
    files: own({ hello: { ...good, memoryMB: 128, timeout: 3 } }, {}),
    message: /functions\.hello\.memoryMB: there is no such member/,
    hint: /did you mean memoryMb/,
  },
  {
    claim: 'a member beside functions that nobody knows is invalid',
    files: own({ hello: good }, { port: 3001 }),
    message: /file\.port: there is no such member/,
  },
  {
    claim: 'a function in lambda-emu.json without code is invalid',
    files: own({ hello: { ...good, code: undefined } }),
    message: /functions\.hello\.code is missing/,
  },
  {
    claim: 'a list of functions in lambda-emu.json is invalid',
    files: own([good]),
    message: /functions is a list/,
  },
  {
    claim: 'a runtime that only AWS can run is refused in lambda-emu.json too',
    files: own({ hello: { ...good, runtime: 'ruby3.4' } }),
    code: 'EMU_RUNTIME_UNSUPPORTED',
    message: /ruby3\.4/,
  },
  {
    claim: 'a layer folder of lambda-emu.json that does not exist is invalid',
    files: own({ hello: { ...good, layers: ['gone'] } }),
    message: /functions\.hello\.layers: .*gone does not exist/,
  },
]
