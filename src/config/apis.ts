// The HTTP APIs and schedules that a SAM template's functions have: explicit ones, and those that SAM makes for events.

import type { ApiDefinition, ScheduleDefinition } from '../domain/api.js'
import {
  type ApiKind,
  type ApisGiven,
  eventsByApi,
  type FunctionEvent,
  functionEvents,
  httpKind,
  restKind,
} from './api-events.js'
import { readHttpApi } from './api-http.js'
import { readRestApi } from './api-rest.js'
import { type ApiSource, explicitApi, globalsOf, implicitApi } from './api-source.js'
import { readSchedules } from './schedules.js'

export type { ApisGiven, TemplateResource } from './api-events.js'

export interface Apis {
  /** Those of the template in its order, then those that SAM makes. */
  readonly apis: readonly ApiDefinition[]
  readonly schedules: readonly ScheduleDefinition[]
}

/**
 * Reads events of type Api, HttpApi, Schedule and ScheduleV2, and the APIs that they belong to. Other events are not
 * looked at.
 * @throws EmulatorError EMU_CONFIG_INVALID for what SAM, API Gateway or EventBridge would refuse.
 */
export function readApis(given: ApisGiven): Apis {
  const events = functionEvents(given)
  const rest = kindReader(given, events, restKind)
  const http = kindReader(given, events, httpKind)
  const explicit = given.resources.flatMap((resource): readonly ApiDefinition[] => [
    ...rest.explicit(resource.logicalId),
    ...http.explicit(resource.logicalId),
  ])
  return {
    apis: [...explicit, ...rest.implicit(), ...http.implicit()],
    schedules: readSchedules(events),
  }
}

interface KindReader {
  /** The API of that logical id; none when it is of another kind. */
  explicit(logicalId: string): readonly ApiDefinition[]
  /** The one that SAM makes, if any event needs it. */
  implicit(): readonly ApiDefinition[]
}

function kindReader(given: ApisGiven, events: readonly FunctionEvent[], kind: ApiKind): KindReader {
  const byApi = eventsByApi(given, events, kind)
  const resources = given.resources.filter(({ type }) => type === kind.resourceType)
  const isImplicit = byApi.has(kind.implicitId)
  // Globals are looked at, and warned of, only where an API is.
  const globals = resources.length > 0 || isImplicit ? globalsOf(given, kind) : undefined
  const { stackName } = given.scope
  const read = (source: ApiSource, isMade: boolean): ApiDefinition => {
    const own = byApi.get(source.logicalId) ?? []
    if (kind === httpKind) return readHttpApi(source, own, { stackName })
    return readRestApi(source, own, { stackName, ...(isMade ? { stageName: 'Prod' } : {}) })
  }
  return {
    explicit: (logicalId) =>
      resources
        // SAM puts its own API in the place of one that is called so.
        .filter(
          (each) => each.logicalId === logicalId && !(isImplicit && logicalId === kind.implicitId),
        )
        .map((resource) => read(explicitApi(given, kind, globals, resource), false)),
    implicit: () => (isImplicit ? [read(implicitApi(given, kind, globals), true)] : []),
  }
}
