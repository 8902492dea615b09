// The trivial function of the comparison: JSON in, JSON out. Takes a plain event, or one whose body is the JSON.
const version = 1
exports.handler = async (event) => {
  const input = typeof event.body === 'string' ? JSON.parse(event.body) : event
  return { n: input.n + 1, version }
}
