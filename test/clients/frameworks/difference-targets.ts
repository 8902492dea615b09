// What of methods, paths and queries is otherwise behind API Gateway: the written list, each line with its reason.

import type { WrittenDifference } from './differences.js'

/** Queries whose text changes when it is written anew from decoded pairs. */
const rewrittenQueries = [
  'query: a repeated one with another between',
  'query: no value',
  'query: an ampersand only',
  'query: an ampersand at the end',
  'query: two ampersands',
  'query: encoded Latin 1',
  'query: a percent sign alone',
  'query: a comma',
  'query: a comma in a repeated one',
  'query: a semicolon',
  'query: a colon and a slash',
  'query: brackets',
  'query: named brackets',
  'query: an equals sign in the value',
  'query: quotes and braces',
]

/** Paths that hold something encoded which stays encoded in the URL of every framework. */
const decodedPaths = [
  'path: a percent-encoded slash',
  'path: a percent-encoded slash in lower case',
  'path: a percent-encoded question mark',
  'path: a percent-encoded plus',
  'path: a percent-encoded letter',
  'path: percent-encoded UTF-8 in lower case',
]

export const pathDifferences: readonly WrittenDifference[] = [
  {
    facet: 'seen url',
    requests: [
      ...decodedPaths,
      'path: a percent-encoded space',
      'path: percent-encoded UTF-8',
      'path: an emoji',
      'path: a percent-encoded NUL',
      'path: a percent-encoded line end',
      'path: encoded dots',
    ],
    frameworks: ['express'],
    doors: ['http'],
    why: 'HTTP APIs decode the path, and the adapter does not encode it again.',
  },
  {
    facet: 'seen path',
    requests: [
      ...decodedPaths,
      'path: percent-encoded UTF-8',
      'path: an emoji',
      'path: a percent-encoded NUL',
      'path: encoded dots',
    ],
    frameworks: ['express'],
    doors: ['http'],
    why: 'HTTP APIs decode the path, and the adapter does not encode it again.',
  },
  {
    facet: 'seen url',
    requests: [...decodedPaths, 'path: a percent-encoded line end'],
    frameworks: ['fastify'],
    doors: ['http'],
    why: 'HTTP APIs decode the path, and the adapter encodes again only what must be.',
  },
  {
    facet: 'seen path',
    requests: ['path: a percent-encoded question mark'],
    frameworks: ['fastapi'],
    doors: ['http'],
    why: 'HTTP APIs decode the path and cut it at a question mark that was encoded.',
  },
  {
    facet: 'seen url',
    requests: [
      'path: braces',
      'path: quotes',
      'path: a backslash',
      'path: a dot segment',
      'path: two dots',
    ],
    frameworks: ['fastify'],
    why: 'The adapter injects a URL that a parser has made regular: dots are resolved, braces encoded.',
  },
  {
    facet: 'status 200 → 404',
    requests: ['path: encoded dots'],
    frameworks: ['fastify'],
    why: 'The adapter injects a URL that a parser has made regular: encoded dots are resolved, too.',
  },
  {
    facet: 'status 404 → 200',
    requests: ['path: a double slash at the beginning'],
    doors: ['rest'],
    why: 'REST APIs take a slash too many after the stage for none, as recorded on AWS.',
  },
  {
    facet: 'status 200 → 400',
    requests: ['path: a percent-encoded percent', 'parameter: an encoded percent'],
    frameworks: ['express', 'fastify'],
    doors: ['http'],
    why: 'HTTP APIs decode the path, and the router refuses the percent sign that is left.',
  },
  {
    facet: 'status 200 → 404',
    requests: ['parameter: an encoded slash', 'parameter: two of them'],
    frameworks: ['express', 'fastify'],
    doors: ['http'],
    why: 'HTTP APIs decode the path, so that an encoded slash separates segments.',
  },
  {
    facet: 'body',
    requests: ['parameter: a twice encoded slash'],
    frameworks: ['express', 'fastify'],
    doors: ['http'],
    why: 'HTTP APIs decode the path once, and the router once more.',
  },
  {
    facet: 'header etag',
    requests: ['parameter: a twice encoded slash'],
    frameworks: ['express'],
    doors: ['http'],
    why: 'Another body has another tag: HTTP APIs decode the path once, and the router once more.',
  },
  {
    facet: 'status 200 → 404',
    requests: ['parameter: a twice encoded slash'],
    frameworks: ['fastapi'],
    doors: ['http'],
    why: 'HTTP APIs decode the path, and the adapter once more: the slash then separates segments.',
  },
]

export const queryDifferences: readonly WrittenDifference[] = [
  {
    facet: 'seen url',
    requests: ['query: a question mark and nothing'],
    frameworks: ['express', 'fastify'],
    why: 'A query that is empty is no query: API Gateway hands over null or an empty text.',
  },
  {
    facet: 'seen url',
    requests: rewrittenQueries,
    doors: ['rest'],
    why: 'REST APIs hand over decoded pairs only, of which the adapter writes a query anew.',
  },
  {
    facet: 'seen url',
    requests: ['query: a plus'],
    frameworks: ['express'],
    doors: ['rest'],
    why: 'REST APIs hand over decoded pairs only; the adapter writes a space as %20.',
  },
  {
    facet: 'seen url',
    requests: ['query: an encoded space', 'query: an encoded name'],
    frameworks: ['fastify', 'fastapi'],
    doors: ['rest'],
    why: 'REST APIs hand over decoded pairs only; the adapter writes a space as a plus.',
  },
  {
    facet: 'seen url',
    requests: [
      ...rewrittenQueries,
      'query: an encoded space',
      'query: an encoded name',
      'query: an empty value and a repeated one',
      'query: an encoded comma',
    ],
    frameworks: ['fastify'],
    doors: ['http'],
    why: 'The adapter takes the map of an HTTP API, not its raw query, and writes a query anew.',
  },
  {
    facet: 'seen query',
    requests: [
      'query: an empty value and a repeated one',
      'query: a comma',
      'query: an encoded comma',
      'query: a comma in a repeated one',
    ],
    frameworks: ['fastify'],
    doors: ['http'],
    why: 'HTTP APIs join repeated values by commas in the map, and the adapter splits at every comma.',
  },
  {
    facet: 'seen url',
    requests: ['query: a name of an object’s own'],
    frameworks: ['fastify'],
    why: 'The adapter copies queries into a plain object, in which __proto__ is lost.',
  },
  {
    facet: 'seen query',
    requests: ['query: a name of an object’s own'],
    frameworks: ['fastify'],
    why: 'The adapter copies queries into a plain object, in which __proto__ is lost.',
  },
  {
    facet: 'seen query',
    requests: ['query: encoded Latin 1'],
    frameworks: ['express', 'fastapi'],
    doors: ['rest'],
    why: 'What is no UTF-8 has no place in an event of JSON: the value stays as it was sent.',
  },
  {
    facet: 'seen query',
    requests: ['query: a semicolon'],
    doors: ['rest'],
    why: 'REST APIs take a semicolon in a query for an ampersand, a known issue of theirs.',
  },
  {
    facet: 'seen query',
    requests: ['query: a repeated one with another between'],
    frameworks: ['fastapi'],
    doors: ['rest'],
    why: 'REST APIs hand over a map, in which the values of a name stand together.',
  },
]
