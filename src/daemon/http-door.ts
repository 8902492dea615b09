// The listener of the project's HTTP APIs: one address for all of them, open from the first API on.

import type { FastifyInstance } from 'fastify'
import type { ApiSummary } from '../admin/contract.js'
import type { ApiDefinition, HttpApi, RestApi } from '../domain/api.js'
import { addressesOf, createGateway, type GatewayParts } from '../gateway/gateway.js'
import { listen } from '../http/server.js'

export interface HttpDoorParts extends Omit<GatewayParts, 'apis'> {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
}

export class HttpDoor {
  readonly #parts: HttpDoorParts
  readonly #server: FastifyInstance
  #apis: readonly ApiDefinition[] = []
  #url: string | null = null

  constructor(parts: HttpDoorParts) {
    this.#parts = parts
    this.#server = createGateway({ ...parts, apis: () => this.#apis })
  }

  /** http://<host>:<port>; null while there has been no API. */
  get url(): string | null {
    return this.#url
  }

  get server(): FastifyInstance {
    return this.#server
  }

  /** From the next request on these are served. @throws EmulatorError EMU_PORT_IN_USE. */
  async serve(apis: readonly ApiDefinition[]): Promise<void> {
    if (apis.length > 0 && this.#url === null) {
      const { host, port } = this.#parts
      this.#url = (await listen(this.#server, { host, port, option: '--http-port' })).url
    }
    this.#apis = apis
  }

  summaries(): readonly ApiSummary[] {
    const { stagePath } = this.#parts
    const addresses = addressesOf(this.#apis, this.#url ?? '', stagePath)
    return this.#apis.map((api) => ({
      id: api.id,
      logicalId: api.logicalId,
      kind: api.kind,
      stageName: api.stageName,
      url: addresses.get(api.id) ?? '',
      routes: api.kind === 'rest' ? restRoutes(api) : httpRoutes(api),
    }))
  }

  async close(): Promise<void> {
    await this.#server.close()
  }
}

function restRoutes({ resources }: RestApi): ApiSummary['routes'] {
  return resources.flatMap(({ path, methods }) =>
    Object.entries(methods).map(([method, { is, ...rest }]) => ({
      method,
      path,
      functionName: is === 'lambda' && 'functionName' in rest ? rest.functionName : null,
    })),
  )
}

function httpRoutes({ routes }: HttpApi): ApiSummary['routes'] {
  return routes.map(({ routeKey, target }) => {
    const [method = '', path = ''] = routeKey.split(' ')
    const functionName = target.is === 'lambda' ? target.functionName : null
    return { method, path, functionName }
  })
}
