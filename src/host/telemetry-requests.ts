// Subscribe requests of the Telemetry API and the Logs API: whose they are, and what is answered.

import type { HttpExchange } from '../http/exchange.js'
import type { Extensions } from '../runtime-api/extensions.js'
import { answerError, answerText, headerOf, refuse } from '../runtime-api/http-answers.js'
import type { Subscribe } from '../runtime-api/http-transport.js'
import { entityTooLarge } from '../runtime-api/runtime-state.js'
import type { TelemetryHub } from '../telemetry/hub.js'
import type { TelemetryApi } from '../telemetry/subscription.js'

/** A figure of ours: a subscription has a few hundred bytes. */
const bodyBytesMax = 64 * 1024
const apis: Readonly<Record<Parameters<Subscribe>[1], TelemetryApi>> = {
  telemetry: 'Telemetry',
  logs: 'Logs',
}

/** Source of the order in which things are checked: the open agent. */
export function subscribeTo(hub: TelemetryHub): (extensions: Extensions) => Subscribe {
  return (extensions) => (exchange, api) => {
    const found = extensions.identify(headerOf(exchange, 'lambda-extension-identifier'))
    if ('status' in found) return refuse(exchange, found)
    subscribe(exchange, hub, found.name, apis[api])
  }
}

function subscribe(
  exchange: HttpExchange,
  hub: TelemetryHub,
  name: string,
  api: TelemetryApi,
): void {
  exchange.readBody(bodyBytesMax, (body) => {
    if (body === 'cut-short') return
    if (body === 'too-large') return answerError(exchange, entityTooLarge(bodyBytesMax))
    const refusal = hub.subscribe(name, api, body.toString())
    if (refusal !== undefined) return answerError(exchange, refusal)
    answerText(exchange, 200, '"OK"')
  })
}
