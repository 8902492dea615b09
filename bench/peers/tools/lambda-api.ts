// Lambda's own Invoke call, for the tools that serve it.
import type { Call } from '../tool.js'

/** Makes the Invoke calls of a tool; `nameOf` gives a function's name as the tool knows it. */
export function lambdaInvoke(nameOf: (name: string) => string): (n: string, p: object) => Call {
  return (functionName, payload) => ({
    method: 'POST',
    path: `/2015-03-31/functions/${nameOf(functionName)}/invocations`,
    body: JSON.stringify(payload),
  })
}
