// The variables that point AWS clients and tests at a running emulator, and how each shell sets them. Pure but for one look at ~/.aws.

import { existsSync } from 'node:fs'
import { join } from 'node:path'

export interface Reached {
  readonly lambdaUrl: string
  /** Null while there is no HTTP API. */
  readonly httpUrl: string | null
  readonly region: string
}

type Variables = Readonly<Record<string, string | undefined>>

/** SDKs sign with them, the emulator does not check, and AWS knows neither. */
const dummyKeys = {
  AWS_ACCESS_KEY_ID: 'AKIALAMBDAEMUEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'lambdaEmulatorNoSecret/Every/Value+Works',
} as const

/** In the order in which `env` prints them. Credentials only where the user has none of his own. */
export function clientVariables(reached: Reached, own: Variables): Record<string, string> {
  return {
    AWS_ENDPOINT_URL_LAMBDA: reached.lambdaUrl,
    AWS_REGION: reached.region,
    AWS_DEFAULT_REGION: reached.region,
    ...(hasCredentials(own) ? {} : dummyKeys),
    ...(reached.httpUrl === null ? {} : { LAMBDA_EMU_HTTP_URL: reached.httpUrl }),
  }
}

/** Dummies would take precedence over a profile, and break calls that are meant for AWS. */
function hasCredentials(own: Variables): boolean {
  const named = [
    'AWS_ACCESS_KEY_ID',
    'AWS_PROFILE',
    'AWS_WEB_IDENTITY_TOKEN_FILE',
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  ]
  if (named.some((name) => (own[name] ?? '') !== '')) return true
  const file =
    own.AWS_SHARED_CREDENTIALS_FILE ?? (own.HOME ? join(own.HOME, '.aws/credentials') : '')
  return file !== '' && existsSync(file)
}

export const shells = ['sh', 'fish', 'powershell'] as const
export type Shell = (typeof shells)[number]

/** A line that sets the variable in that shell, whatever the value holds. */
export function assignment(shell: Shell, name: string, value: string): string {
  switch (shell) {
    case 'sh':
      return `export ${name}='${value.replaceAll("'", "'\\''")}'`
    case 'fish':
      return `set -gx ${name} '${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
    case 'powershell':
      return `$Env:${name} = '${value.replaceAll("'", "''")}'`
  }
}

/** By $SHELL; everything but fish reads sh. */
export function shellOf(own: Variables): Shell {
  return own.SHELL?.endsWith('/fish') ? 'fish' : 'sh'
}
