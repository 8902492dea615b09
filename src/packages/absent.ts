// Tells what is not there from what cannot be looked at.

/** For `catch` after stat and its kin: undefined when there is nothing. @throws every other error as it is. */
export function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
}
