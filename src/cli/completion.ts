// lambda-emu completion: a script for the shell, and the words that it asks this program for at every Tab.

import { connect } from './connect.js'
import { eventSources } from './event-sources.js'
import { type GlobalArguments, type Outcome, once } from './outcome.js'
import type { Terminal } from './terminal.js'
import { flagsOf, verbs } from './verbs.js'

export const completionShells = ['bash', 'zsh', 'fish'] as const

export interface CompletionArguments extends GlobalArguments {
  readonly shell?: (typeof completionShells)[number]
  /** Words of the line after the program's name, the last one begun. */
  readonly command: readonly string[]
  readonly words?: boolean
}

const scripts: Readonly<Record<(typeof completionShells)[number], string>> = {
  bash: `# eval "$(lambda-emu completion bash)"
_lambda_emu() {
  local IFS=$'\\n'
  COMPREPLY=($(lambda-emu completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _lambda_emu lambda-emu`,
  zsh: `# eval "$(lambda-emu completion zsh)"
_lambda_emu() {
  local -a found
  found=(\${(f)"$(lambda-emu completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _lambda_emu lambda-emu`,
  fish: `# lambda-emu completion fish | source
complete -c lambda-emu -a '(lambda-emu completion --words -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'`,
}

export async function run(given: CompletionArguments, terminal: Terminal): Promise<Outcome> {
  if (given.words === true) {
    const found = await candidates(given.command, given, terminal)
    return once(found, found)
  }
  const own = terminal.variables.SHELL?.split('/').at(-1)
  const shell = given.shell ?? completionShells.find((each) => each === own) ?? 'bash'
  return once({ shell, script: scripts[shell] }, [scripts[shell]])
}

/** What can stand in place of the last word. */
export async function candidates(
  line: readonly string[],
  given: GlobalArguments,
  terminal: Terminal,
): Promise<readonly string[]> {
  const begun = line.at(-1) ?? ''
  const before = line.slice(0, -1)
  const said = before.find((word) => !word.startsWith('-'))
  if (said === undefined) {
    return verbs.map(({ name }) => name).filter((name) => name.startsWith(begun))
  }
  const verb = verbs.find(({ name }) => name === said)
  const found =
    verb === undefined
      ? []
      : begun.startsWith('-')
        ? flagsOf(verb)
        : await wordsOf(verb.name, given, terminal)
  return found.filter((word) => word.startsWith(begun))
}

async function wordsOf(
  verb: string,
  given: GlobalArguments,
  terminal: Terminal,
): Promise<readonly string[]> {
  switch (verb) {
    case 'events':
      return Object.keys(eventSources)
    case 'completion':
      return completionShells
    case 'config':
      return ['show']
    case 'invoke':
    case 'logs':
    case 'env':
      return await ask(given, terminal, async ({ client }) =>
        (await client.functions()).map(({ functionName }) => functionName),
      )
    case 'freeze':
    case 'thaw':
    case 'expire':
    case 'explain':
      return await ask(given, terminal, async ({ client }) =>
        (await client.environments()).map(({ id }) => id),
      )
    default:
      return []
  }
}

/** Nothing, silently, without a daemon: somebody is in the middle of typing. */
async function ask(
  given: GlobalArguments,
  terminal: Terminal,
  question: (connection: ReturnType<typeof connect>) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    return await question(connect(given, terminal))
  } catch {
    return []
  }
}
