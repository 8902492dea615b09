// Requests about headers and cookies.

import type { CorpusRequest } from './corpus.js'

type Headers = CorpusRequest['headers']

const echoed: readonly (readonly [what: string, headers: Headers])[] = [
  ['one of one’s own', [['X-Own', 'value']]],
  ['capitals and small letters', [['x-OWN-Name', 'Value']]],
  [
    'the same twice',
    [
      ['X-Own', 'one'],
      ['X-Own', 'two'],
    ],
  ],
  [
    'the same twice in other letters',
    [
      ['X-Own', 'one'],
      ['x-own', 'two'],
    ],
  ],
  [
    'the same three times with another between',
    [
      ['X-Own', '1'],
      ['X-Other', 'o'],
      ['X-Own', '2'],
      ['X-Own', '3'],
    ],
  ],
  ['a comma in a value', [['X-Own', 'a, b']]],
  ['an empty value', [['X-Own', '']]],
  ['spaces around a value', [['X-Own', '   a  b   ']]],
  ['a tab in a value', [['X-Own', 'a\tb']]],
  ['quotes and a semicolon', [['X-Own', '"a;b", c=\'d\'']]],
  ['Latin 1', [['X-Own', 'gr\xfc\xdfe']]],
  ['UTF-8', [['X-Own', Buffer.from('grüße').toString('latin1')]]],
  ['percent signs', [['X-Own', 'a%20b+c']]],
  ['punctuation in a name', [["X-!#$%&'*+.^_`|~", 'value']]],
  ['an underscore in a name', [['X_Own', 'value']]],
  ['a value of 4,000 characters', [['X-Long', 'h'.repeat(4_000)]]],
  [
    'fifty of them',
    Array.from({ length: 50 }, (_, index) => [`X-H${index}`, `v${index}`] as const),
  ],
  ['Accept', [['Accept', 'text/html;q=0.8, application/json']]],
  ['Accept of images', [['Accept', 'image/webp,image/*,*/*;q=0.8']]],
  ['Accept-Encoding', [['Accept-Encoding', 'gzip, deflate, br']]],
  ['Accept-Language', [['Accept-Language', 'de-DE,de;q=0.9']]],
  ['Authorization', [['Authorization', 'Bearer abc.def.ghi']]],
  ['Authorization with a password', [['Authorization', 'Basic dTpw']]],
  ['User-Agent', [['User-Agent', 'corpus/1.0 (test)']]],
  ['Referer', [['Referer', 'http://example.com/a?b']]],
  ['Origin', [['Origin', 'http://example.com']]],
  [
    'If-Match and Range',
    [
      ['If-Match', '"x"'],
      ['Range', 'bytes=0-9'],
    ],
  ],
  [
    'Cache-Control and Pragma',
    [
      ['Cache-Control', 'no-cache'],
      ['Pragma', 'no-cache'],
    ],
  ],
  [
    'Date and Via',
    [
      ['Date', 'Tue, 15 Nov 1994 08:12:31 GMT'],
      ['Via', '1.0 fred'],
    ],
  ],
  ['a request id of one’s own', [['X-Request-Id', 'mine']]],
  ['a forwarding of one’s own', [['X-Forwarded-For', '203.0.113.7']]],
  [
    'a forwarded protocol of one’s own',
    [
      ['X-Forwarded-Proto', 'https'],
      ['X-Forwarded-Port', '443'],
    ],
  ],
  ['Forwarded', [['Forwarded', 'for=203.0.113.7;proto=https']]],
  ['the other method', [['X-HTTP-Method-Override', 'PUT']]],
  [
    'Keep-Alive and Connection',
    [
      ['Connection', 'keep-alive'],
      ['Keep-Alive', 'timeout=5'],
    ],
  ],
  [
    'TE and Trailer',
    [
      ['TE', 'trailers'],
      ['Trailer', 'X-Sum'],
    ],
  ],
  [
    'Max-Forwards and Content-MD5',
    [
      ['Max-Forwards', '3'],
      ['Content-MD5', 'Q2hlY2s='],
    ],
  ],
  [
    'Server and WWW-Authenticate',
    [
      ['Server', 'mine'],
      ['WWW-Authenticate', 'Basic'],
    ],
  ],
  ['a content type without a body', [['Content-Type', 'application/json']]],
  ['one cookie', [['Cookie', 'a=1']]],
  ['three cookies', [['Cookie', 'a=1; b=2; c=3']]],
  ['cookies not in alphabetical order', [['Cookie', 'z=1; a=2']]],
  ['the same cookie twice', [['Cookie', 'a=1; a=2']]],
  [
    'two Cookie headers',
    [
      ['Cookie', 'a=1'],
      ['Cookie', 'b=2'],
    ],
  ],
  ['a cookie with an encoded value', [['Cookie', 'a=b%20c; d="e f"']]],
  ['a cookie with an equals sign', [['Cookie', 'a=b=c; token=eyJ9==']]],
  ['a cookie without a value', [['Cookie', 'a=; b']]],
  ['cookies without spaces', [['Cookie', 'a=1;b=2']]],
]

const conditions: readonly (readonly [what: string, headers: Headers])[] = [
  ['none', []],
  ['the tag it has', [['If-None-Match', '"version-1"']]],
  ['another tag', [['If-None-Match', '"version-0"']]],
  ['a date as old as it', [['If-Modified-Since', 'Mon, 14 Nov 1994 08:12:31 GMT']]],
  ['an older date', [['If-Modified-Since', 'Sun, 13 Nov 1994 08:12:31 GMT']]],
]

export const headerRequests: readonly CorpusRequest[] = [
  ...echoed.map(([what, headers]) => ({
    name: `header: ${what}`,
    method: 'GET',
    target: '/echo',
    headers,
  })),
  ...conditions.map(([what, headers]) => ({
    name: `condition: ${what}`,
    method: 'GET',
    target: '/conditional',
    headers,
  })),
]
