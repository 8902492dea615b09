// What client 4 lets a function ask about the running event: `awslambda.InvokeStore`.

const keys = {
  REQUEST_ID: Symbol.for('_AWS_LAMBDA_REQUEST_ID'),
  X_RAY_TRACE_ID: Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID'),
  TENANT_ID: Symbol.for('_AWS_LAMBDA_TENANT_ID'),
}

/**
 * One event at a time: the context stays after the event has ended, so late timers are tagged with
 * the last id.
 */
class InvokeStore {
  static PROTECTED_KEYS = keys

  currentContext = undefined

  getContext() {
    return this.currentContext
  }

  hasContext() {
    return this.currentContext !== undefined
  }

  get(key) {
    return this.currentContext?.[key]
  }

  /** @throws {Error} for a key that Lambda keeps */
  set(key, value) {
    if (this.isProtectedKey(key)) {
      throw new Error(`Cannot modify protected Lambda context field: ${String(key)}`)
    }
    this.currentContext ??= {}
    this.currentContext[key] = value
  }

  run(context, task) {
    this.currentContext = context
    return task()
  }

  isProtectedKey(key) {
    return Object.values(keys).includes(key)
  }

  getRequestId() {
    return this.get(keys.REQUEST_ID) ?? '-'
  }

  getXRayTraceId() {
    return this.get(keys.X_RAY_TRACE_ID)
  }

  getTenantId() {
    return this.get(keys.TENANT_ID)
  }
}

const invokeStore = new InvokeStore()

module.exports = { invokeStore, protectedKeys: keys }
