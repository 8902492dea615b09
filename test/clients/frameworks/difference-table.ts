// What is otherwise behind API Gateway than served directly: the written list, each line with its reason.

import { pathDifferences, queryDifferences } from './difference-targets.js'
import type { WrittenDifference } from './differences.js'

const repeatedHeaders = [
  'header: the same twice',
  'header: the same twice in other letters',
  'header: the same three times with another between',
]

/** Bodies told as text that are no UTF-8. */
const unreadableTexts = [
  'body: Latin 1 to mirror',
  'body: UTF-16 to mirror',
  'body: every byte as text',
  'body: every byte as JSON',
]

const notParsed = [
  'body: JSON told as text',
  'body: JSON told as nothing',
  'body: JSON of a vendor',
]

const withoutType = [
  'condition: the tag it has',
  'condition: a date as old as it',
  'status: 204',
  'status: 205',
  'status: 304',
  'status: 204 to HEAD',
  'status: 304 to HEAD',
  'content: without a media type',
  'content: nothing at all',
]

const refusedBytes = ['path: bytes of UTF-8 as they are', 'query: bytes of UTF-8 as they are']

const added: readonly WrittenDifference[] = [
  ...['x-forwarded-for', 'x-forwarded-port', 'x-forwarded-proto', 'x-amzn-trace-id'].map(
    (name) => ({
      facet: `seen header ${name}`,
      why: 'API Gateway tells every function who asked, by what protocol and port, and in which trace.',
    }),
  ),
  {
    facet: 'seen header x-request-id',
    frameworks: ['express', 'fastify'],
    why: 'The adapter puts the request id of the gateway there, unless the client sent one.',
  },
  {
    facet: 'seen header content-length',
    frameworks: ['express'],
    why: 'The adapter states the length of every body as a number, also where nothing was sent.',
  },
  {
    facet: 'seen header content-length',
    requests: ['body: an echo of octets', 'body: an echo of text'],
    frameworks: ['fastapi'],
    doors: ['rest'],
    why: 'REST APIs do not hand over Content-Length, and the adapter does not count the body.',
  },
  {
    facet: 'seen header user-agent',
    frameworks: ['fastify'],
    why: 'The adapter injects requests into Fastify, and the injector names itself where the client did not.',
  },
  {
    facet: 'seen header x-aws-lambda-fastify-request',
    frameworks: ['fastify'],
    why: 'The adapter numbers each request in a header, to find its event and context again.',
  },
]

const takenOut: readonly WrittenDifference[] = [
  {
    facet: 'seen header connection',
    requests: ['header: Keep-Alive and Connection'],
    why: 'Connection is between the client and API Gateway and is not handed over.',
  },
  {
    facet: 'seen header keep-alive',
    requests: ['header: Keep-Alive and Connection'],
    doors: ['http'],
    why: 'Keep-Alive is between the client and the HTTP API and is not handed over.',
  },
  ...['te', 'trailer'].map((name) => ({
    facet: `seen header ${name}`,
    requests: ['header: TE and Trailer'],
    why: 'What belongs to one connection is not handed over by API Gateway.',
  })),
  ...['max-forwards', 'content-md5'].map((name) => ({
    facet: `seen header ${name}`,
    requests: ['header: Max-Forwards and Content-MD5'],
    doors: ['rest'] as const,
    why: 'REST APIs do not hand this header over to functions, as recorded on AWS.',
  })),
  ...['server', 'www-authenticate'].map((name) => ({
    facet: `seen header ${name}`,
    requests: ['header: Server and WWW-Authenticate'],
    doors: ['rest'] as const,
    why: 'REST APIs do not hand this header over to functions, as recorded on AWS.',
  })),
]

const requestHeaders: readonly WrittenDifference[] = [
  {
    facet: 'seen method',
    requests: ['header: the other method'],
    doors: ['rest'],
    why: 'REST APIs take the method from X-HTTP-Method-Override when it is there.',
  },
  {
    facet: 'seen header x-own',
    requests: repeatedHeaders,
    frameworks: ['express'],
    why: 'The adapter takes the single-value map, which has the last value (REST) or all joined without a space (HTTP).',
  },
  {
    facet: 'seen header x-own',
    requests: repeatedHeaders,
    frameworks: ['fastify'],
    doors: ['http'],
    why: 'HTTP APIs join the values of a repeated header with a comma and no space.',
  },
  {
    facet: 'seen header x-own',
    requests: repeatedHeaders,
    frameworks: ['fastapi'],
    why: 'The adapter hands a repeated header over as one, with its values joined by commas.',
  },
  {
    facet: 'seen header x-own',
    requests: ['header: Latin 1', 'header: UTF-8'],
    frameworks: ['fastapi'],
    why: 'The adapter writes header values as UTF-8, where servers hand them over byte by byte.',
  },
  {
    facet: 'seen header cookie',
    requests: ['header: two Cookie headers'],
    frameworks: ['express'],
    doors: ['rest'],
    why: 'The adapter takes the last of repeated headers, so that only the last Cookie header arrives.',
  },
  {
    facet: 'seen header cookie',
    requests: ['header: two Cookie headers'],
    frameworks: ['fastapi'],
    why: 'The adapter hands repeated Cookie headers over as one.',
  },
  {
    facet: 'seen header cookie',
    requests: ['header: cookies without spaces'],
    frameworks: ['express', 'fastapi'],
    doors: ['http'],
    why: 'HTTP APIs hand cookies over one by one, and the adapter joins them with a space.',
  },
  {
    facet: 'seen header cookie',
    requests: [
      'header: three cookies',
      'header: cookies not in alphabetical order',
      'header: the same cookie twice',
      'header: two Cookie headers',
      'header: a cookie with an encoded value',
      'header: a cookie with an equals sign',
      'header: a cookie without a value',
    ],
    frameworks: ['fastify'],
    doors: ['http'],
    why: 'HTTP APIs hand cookies over one by one, and the adapter joins them without a space.',
  },
]

const bodies: readonly WrittenDifference[] = [
  {
    facet: 'body',
    requests: notParsed,
    frameworks: ['express'],
    why: 'The adapter has set the body to its bytes before any parser looks at the media type.',
  },
  {
    facet: 'header etag',
    requests: notParsed,
    frameworks: ['express'],
    why: 'Another body has another tag: the adapter sets the body before any parser looks at it.',
  },
  {
    facet: 'status 200 → 400',
    requests: unreadableTexts,
    frameworks: ['express', 'fastify'],
    doors: ['http'],
    why: 'HTTP APIs hand text and JSON over as UTF-8; other bytes are lost, and the length is wrong then.',
  },
  {
    facet: 'body',
    requests: unreadableTexts,
    frameworks: ['fastapi'],
    doors: ['http'],
    why: 'HTTP APIs hand text and JSON over as UTF-8, and other bytes are lost.',
  },
  {
    facet: 'status 200 → 400',
    requests: ['body: gzip of JSON'],
    frameworks: ['express'],
    doors: ['http'],
    why: 'HTTP APIs hand JSON over as UTF-8 text, packed or not, and packed bytes are lost.',
  },
  {
    facet: 'body',
    requests: ['body: gzip of JSON'],
    frameworks: ['fastify'],
    doors: ['http'],
    why: 'HTTP APIs hand JSON over as UTF-8 text, packed or not: it is refused for its length, not for its form.',
  },
  {
    facet: 'status 400 → 422',
    requests: ['body: gzip of JSON'],
    frameworks: ['fastapi'],
    doors: ['http'],
    why: 'HTTP APIs hand JSON over as UTF-8 text, packed or not: what arrives is text, and no JSON.',
  },
  {
    facet: 'status 200 → 413',
    requests: ['body: 7 MB of text'],
    why: 'An event of Lambda has 6 MB at most, and a body is part of it.',
  },
]

const answers: readonly WrittenDifference[] = [
  {
    facet: 'header x-amzn-remapped-content-length',
    doors: ['rest'],
    why: 'REST APIs send the length that a function states under another name, beside the true one.',
  },
  {
    facet: 'header x-amzn-remapped-date',
    requests: ['answered header: dated'],
    frameworks: ['express', 'fastapi'],
    doors: ['rest'],
    why: 'REST APIs send the date that a function states under another name, beside their own.',
  },
  {
    facet: 'header x-amzn-remapped-date',
    frameworks: ['fastify'],
    doors: ['rest'],
    why: 'The injector of the adapter adds a date, which REST APIs send under another name.',
  },
  {
    facet: 'header x-amzn-remapped-connection',
    frameworks: ['fastify'],
    doors: ['rest'],
    why: 'The injector of the adapter adds Connection, which REST APIs send under another name.',
  },
  ...['server', 'x-amzn-remapped-server'].map((name) => ({
    facet: `header ${name}`,
    requests: ['answered header: server'],
    doors: ['rest'] as const,
    why: 'REST APIs send the Server header of a function under another name.',
  })),
  ...['x-many', 'vary'].flatMap((name): readonly WrittenDifference[] => [
    {
      facet: `header ${name}`,
      requests: ['answered header: many'],
      frameworks: ['express'],
      doors: ['rest'],
      why: 'The adapter returns a repeated header in both maps, and REST APIs send both.',
    },
    {
      facet: `header ${name}`,
      requests: ['answered header: many'],
      frameworks: ['fastify'],
      why: 'The adapter joins the values of a repeated header by commas.',
    },
    {
      facet: `header ${name}`,
      requests: ['answered header: many'],
      frameworks: ['express', 'fastapi'],
      doors: ['http'],
      why: 'Answers of format 2.0 have one map of headers: the adapter joins the values by commas.',
    },
  ]),
  {
    facet: 'header location',
    requests: ['redirect: 302 to a path with UTF-8'],
    frameworks: ['fastify'],
    why: 'Fastify sends the bytes of what it was given as Latin 1; the gateway sends JSON text as UTF-8.',
  },
  {
    facet: 'header content-type',
    requests: withoutType,
    why: 'API Gateway adds a media type to answers that state none.',
  },
  {
    facet: 'header content-type',
    requests: ['redirect'],
    frameworks: ['fastify', 'fastapi'],
    why: 'API Gateway adds a media type to answers that state none.',
  },
  {
    facet: 'header content-type',
    requests: ['path: a trailing slash where the route has none'],
    frameworks: ['fastapi'],
    why: 'API Gateway adds a media type to answers that state none, here to a redirect.',
  },
  {
    facet: 'header content-type',
    requests: ['body: every byte as nothing', 'body: nothing to mirror'],
    frameworks: ['express', 'fastapi'],
    why: 'API Gateway adds a media type to answers that state none.',
  },
  ...['header content-type', 'body'].map((facet) => ({
    facet,
    requests: refusedBytes,
    frameworks: ['express', 'fastapi'] as const,
    why: 'Bytes that have no place in a URL are refused before any application: each server has its own words.',
  })),
  {
    facet: 'status 200 → 502',
    requests: ['content: 7 MB'],
    doors: ['rest'],
    why: 'An answer of Lambda has 6 MB at most; REST APIs tell of it as of any failure.',
  },
  {
    facet: 'status 200 → 500',
    requests: ['content: 7 MB'],
    doors: ['http'],
    why: 'An answer of Lambda has 6 MB at most; HTTP APIs tell of it as of any failure.',
  },
]

export const differenceTable: readonly WrittenDifference[] = [
  ...added,
  ...takenOut,
  ...requestHeaders,
  ...pathDifferences,
  ...queryDifferences,
  ...bodies,
  ...answers,
]
