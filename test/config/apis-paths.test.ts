// Which paths and methods routes may have, and which parameters cannot stand beside each other: tables.

import t from 'tap'
import {
  checkPath,
  checkVerb,
  ParameterPlaces,
  verbOf,
  withoutSlashAtEnd,
} from '../../src/config/api-paths.js'

const legal: readonly string[] = [
  '/',
  '/orders',
  '/orders/',
  '/orders/{id}',
  '/orders/{id}/items/{item-id}',
  '/{proxy+}',
  '/files/{path+}',
  '/v1.0/a_b-c',
  '/a,b:c',
]

for (const path of legal) {
  t.test(`${path} is a path of REST and of HTTP APIs`, async (t) => {
    t.equal(checkPath(path, 'rest'), undefined)
    t.equal(checkPath(path, 'http'), undefined)
  })
}

const illegal: readonly (readonly [string, RegExp])[] = [
  ['', /an empty path does not begin with a slash/],
  ['orders', /does not begin with a slash/],
  ['//orders', /two slashes/],
  ['/orders//items', /two slashes/],
  ['/orders//', /two slashes/],
  ['/{proxy+}/more', /before its end/],
  ['/orders-{id}', /only a part of orders-\{id\}/],
  ['/{id}.json', /only a part/],
  ['/{}', /only a part/],
  ['/{id', /only a part/],
  ['/{a b}', /only a part/],
  ['/{proxy++}', /only a part/],
  ['/a b', /has " " in it/],
  ['/a?b=c', /has "\?" in it/],
  ['/a#b', /has "#" in it/],
]

for (const [path, problem] of illegal) {
  t.test(`${JSON.stringify(path)} is no path of REST or HTTP APIs`, async (t) => {
    t.match(checkPath(path, 'rest')?.problem, problem)
    t.match(checkPath(path, 'http')?.problem, problem)
  })
}

for (const path of ['/orders*', '/~me', '/a@b', '/100%', '/$metadata', '/über']) {
  t.test(`${path} is a path of HTTP APIs only`, async (t) => {
    t.match(checkPath(path, 'rest')?.problem, / in it$/)
    t.equal(checkPath(path, 'http'), undefined)
  })
}

t.test('methods come in any case, and ANY has a long name', async (t) => {
  const written = ['get', 'Get', 'GET', 'any', 'x-amazon-apigateway-any-method', 'options']
  t.same(written.map(verbOf), ['GET', 'GET', 'GET', 'ANY', 'ANY', 'OPTIONS'])
  t.equal(checkVerb('PATCH'), undefined)
  for (const verb of ['FETCH', 'TRACE', 'CONNECT', '*', '']) {
    t.match(checkVerb(verb)?.advice, /ANY, DELETE, GET/)
  }
})

t.test('one slash at the end makes no difference, but the root is one', async (t) => {
  t.same(['/', '/a', '/a/', '/a/{b}/'].map(withoutSlashAtEnd), ['/', '/a', '/a', '/a/{b}'])
})

t.test('one place takes one parameter, wherever it stands in the path', async (t) => {
  const places = new ParameterPlaces()
  const clashes = [
    '/orders/{id}',
    '/orders/{id}/items',
    '/users/{user}',
    '/orders/{id}/items/{item}',
    '/orders/{order}/notes',
    '/orders/{id}/items/{note}',
    '/orders/{proxy+}',
    '/{proxy+}',
  ].map((path) => places.add(path))
  t.same(clashes, [
    undefined,
    undefined,
    undefined,
    undefined,
    { path: '/orders', parameter: '{order}', first: '{id}' },
    { path: '/orders/{id}/items', parameter: '{note}', first: '{item}' },
    { path: '/orders', parameter: '{proxy+}', first: '{id}' },
    undefined,
  ])
})
