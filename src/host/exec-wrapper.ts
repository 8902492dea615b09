// AWS_LAMBDA_EXEC_WRAPPER: a program of the layers or the code that is started with the runtime's own command as its arguments.

import { posix } from 'node:path'
import { type FunctionDefinition, runtimeFamily } from '../domain/function.js'
import { lambdaPaths } from '../sandbox/view.js'

type Wrapped = Pick<FunctionDefinition, 'runtime' | 'environment' | 'code' | 'layerContent'>

/** As the function names it; undefined for provided.*, whose bootstrap would have to do it. Source: AWS Lambda guide, wrapper scripts. */
export function execWrapper({
  runtime,
  environment,
}: Pick<FunctionDefinition, 'runtime' | 'environment'>): string | undefined {
  const wrapper = environment?.AWS_LAMBDA_EXEC_WRAPPER
  return wrapper === '' || runtimeFamily(runtime) === 'provided' ? undefined : wrapper
}

/** The command behind its wrapper, by host paths; as it is where the function has none. */
export function wrapped(argv: readonly string[], definition: Wrapped): readonly string[] {
  const wrapper = execWrapper(definition)
  return wrapper === undefined ? argv : [hostPath(wrapper, definition), ...argv]
}

/** Where nothing stands between this machine and the function, Lambda's own paths mean the folders that stand for them. */
function hostPath(path: string, { code, layerContent }: Wrapped): string {
  const folders = [
    [lambdaPaths.task, code.folder],
    [lambdaPaths.layers, layerContent?.folder],
  ] as const
  for (const [inside, folder] of folders)
    if (folder !== undefined && path.startsWith(`${inside}/`))
      return posix.join(folder, path.slice(inside.length))
  return path
}
