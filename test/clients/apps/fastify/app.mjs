// The application in Fastify: it answers what test/clients/frameworks asks, like the others in this folder's neighbours.

import { parse } from 'node:querystring'
import { Readable } from 'node:stream'
import multipart from '@fastify/multipart'
import fastify from 'fastify'
import {
  allBytes,
  contents,
  cookies,
  digest,
  entityTag,
  hasNoBody,
  headerSets,
  lastModified,
  shownBody,
} from './content.mjs'

export const app = fastify({ bodyLimit: 20 * 1024 * 1024, forceCloseConnections: true })

/** Routes whose body stays as it came. */
async function raw(scope) {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body))
  const received = ({ body }) => (Buffer.isBuffer(body) ? body : Buffer.alloc(0))
  const echo = async (request) => ({
    method: request.method,
    url: request.url,
    query: request.query,
    headers: request.headers,
    body: shownBody(received(request)),
  })
  for (const url of ['/', '/echo', '/echo/*']) scope.all(url, echo)
  scope.all('/mirror', async (request, reply) => {
    const type = request.headers['content-type']
    if (type !== undefined) reply.header('content-type', type)
    return reply.send(received(request))
  })
}

async function parsed(scope) {
  const form = 'application/x-www-form-urlencoded'
  scope.addContentTypeParser(form, { parseAs: 'string' }, (_, body, done) =>
    done(null, parse(body)),
  )
  scope.post('/json', async ({ body }) => ({ parsed: body ?? null }))
  scope.post('/form', async ({ body }) => ({ fields: body ?? null }))
  scope.post('/text', async ({ body }, reply) => reply.type('text/plain').send(`<${body ?? ''}>`))
}

async function uploads(scope) {
  await scope.register(multipart)
  scope.post('/upload', async (request) => {
    const parts = []
    for await (const part of request.parts()) {
      const { fieldname: name, filename, mimetype: type, value } = part
      if (part.type === 'field') {
        parts.push({ name, value })
        continue
      }
      const whole = await part.toBuffer()
      parts.push({ name, filename, type, size: whole.length, sha256: digest(whole) })
    }
    return { parts }
  })
}

app.register(raw)
app.register(parsed)
app.register(uploads)

app.get('/items/:id', async ({ params }) => ({ params }))
app.get('/items/:id/parts/:part', async ({ params }) => ({ params }))
app.get('/files/*', async ({ params }) => ({ rest: params['*'] }))

app.all('/status/:code', async ({ params }, reply) => {
  const status = Number(params.code)
  reply.code(status)
  return hasNoBody(status) ? reply.send() : { status }
})
app.get('/redirect/:code', async ({ params, query }, reply) =>
  reply.redirect(String(query.to), Number(params.code)),
)
app.get('/set-cookies', async (_, reply) => {
  for (const cookie of cookies) reply.header('set-cookie', cookie)
  return { cookies: cookies.length }
})
app.get('/set-cookie', async (_, reply) => {
  reply.header('set-cookie', cookies[0])
  return { cookies: 1 }
})
app.get('/headers/:name', async ({ params }, reply) => {
  reply.headers(headerSets[params.name])
  return { set: params.name }
})
app.get('/content/:kind', async ({ params }, reply) => {
  const [type, body, encoding] = contents[params.kind]
  reply.header('content-type', type)
  if (encoding !== undefined) reply.header('content-encoding', encoding)
  return reply.send(body)
})
app.get('/untyped', async (_, reply) => {
  reply.hijack()
  reply.raw.end('no media type')
})
app.get('/nothing', async (_, reply) => reply.send())
app.get('/bytes/:length', async ({ params }, reply) =>
  reply.type('application/octet-stream').send(allBytes(Number(params.length))),
)
app.get('/stream/:count', async ({ params }, reply) => {
  async function* lines() {
    for (let index = 0; index < Number(params.count); index += 1) {
      yield `line ${index} ü\n`
      await new Promise(setImmediate)
    }
  }
  return reply.type('text/plain; charset=utf-8').send(Readable.from(lines()))
})
app.get('/conditional', async ({ headers }, reply) => {
  reply.headers({ etag: entityTag, 'last-modified': lastModified })
  const since = headers['if-modified-since']
  const known = since !== undefined && new Date(since) >= new Date(lastModified)
  if (headers['if-none-match'] === entityTag || known) return reply.code(304).send()
  return { fresh: false }
})
app.get('/throw', () => {
  throw new Error('thrown')
})
app.get('/reject', async () => {
  await new Promise(setImmediate)
  throw new Error('rejected')
})
app.get('/throw-status', async () => {
  throw Object.assign(new Error('a teapot'), { statusCode: 418 })
})
