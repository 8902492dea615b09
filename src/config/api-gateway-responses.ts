// GatewayResponses of a REST API: what it answers itself, read and checked.

import type { GatewayResponse } from '../domain/api.js'
import { checkMapping, textMap } from './api-values.js'
import { closest } from './function-checks.js'
import { lineOf, optionalSection, optionalText, refuse, type Section } from './reader.js'
import { invalid } from './source.js'

/** Source: API Gateway developer guide, "Gateway response types". */
const responseTypes = [
  'ACCESS_DENIED',
  'API_CONFIGURATION_ERROR',
  'AUTHORIZER_CONFIGURATION_ERROR',
  'AUTHORIZER_FAILURE',
  'BAD_REQUEST_BODY',
  'BAD_REQUEST_PARAMETERS',
  'DEFAULT_4XX',
  'DEFAULT_5XX',
  'EXPIRED_TOKEN',
  'INTEGRATION_FAILURE',
  'INTEGRATION_TIMEOUT',
  'INVALID_API_KEY',
  'INVALID_SIGNATURE',
  'MISSING_AUTHENTICATION_TOKEN',
  'QUOTA_EXCEEDED',
  'REQUEST_TOO_LARGE',
  'RESOURCE_NOT_FOUND',
  'THROTTLED',
  'UNAUTHORIZED',
  'UNSUPPORTED_MEDIA_TYPE',
  'WAF_FILTERED',
]

/** @throws EmulatorError EMU_CONFIG_INVALID for unknown types and members, and values that API Gateway refuses. */
export function readGatewayResponses(api: Section): Readonly<Record<string, GatewayResponse>> {
  const all = optionalSection(api, 'GatewayResponses')
  const responses: Record<string, GatewayResponse> = {}
  for (const type of all?.map.entries.keys() ?? []) {
    if (all === undefined) break
    refuseUnless(all, type, responseTypes)
    const response = optionalSection(all, type)
    if (response !== undefined) responses[type] = readResponse(response)
  }
  return responses
}

function readResponse(of: Section): GatewayResponse {
  for (const name of of.map.entries.keys()) {
    refuseUnless(of, name, ['StatusCode', 'ResponseParameters', 'ResponseTemplates'])
  }
  const parameters = optionalSection(of, 'ResponseParameters')
  for (const name of parameters?.map.entries.keys() ?? []) {
    if (parameters !== undefined)
      refuseUnless(parameters, name, ['Headers', 'Paths', 'QueryStrings'])
  }
  const headerSection =
    parameters === undefined ? undefined : optionalSection(parameters, 'Headers')
  const headers = textMap(headerSection)
  for (const [name, text] of Object.entries(headers)) {
    if (headerSection !== undefined) refuse(headerSection, name, checkMapping(text))
  }
  const statusCode = readStatusCode(of)
  return {
    ...(statusCode === undefined ? {} : { statusCode }),
    headers,
    templates: textMap(optionalSection(of, 'ResponseTemplates')),
  }
}

function readStatusCode(of: Section): number | undefined {
  const text = optionalText(of, 'StatusCode')
  if (text === undefined || /^[1-5]\d\d$/.test(text)) {
    return text === undefined ? undefined : Number(text)
  }
  return invalid(
    of.reading.path,
    lineOf(of, 'StatusCode'),
    `${of.where}.StatusCode is ${JSON.stringify(text)}`,
    'it must be a status such as 404',
  )
}

function refuseUnless(of: Section, name: string, known: readonly string[]): void {
  if (known.includes(name)) return
  const meant = closest(name, known)
  refuse(of, name, {
    problem: 'API Gateway knows no such name',
    advice: meant === undefined ? `use one of ${known.join(', ')}` : `did you mean ${meant}?`,
  })
}
