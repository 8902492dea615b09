// Environment variables that come from beside a project's source.

/** Variables from a file or the command line that win over those of the source. */
export interface VariableLayer {
  /** How `lambda-emu env` names it: `.env`, `--env-vars env.json`, `--env`. */
  readonly source: string
  /** For every function. */
  readonly common: Readonly<Record<string, string>>
  /** By function name or logical id. */
  readonly byFunction: Readonly<Record<string, Readonly<Record<string, string>>>>
}
