// The application in Express: it answers what test/clients/frameworks asks, like the others in this folder's neighbours.
import busboy from 'busboy'
import express from 'express'
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

export const app = express()
const bytes = express.raw({ type: () => true, limit: '20mb' })
const received = (request) => (Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0))

function echo(request, response) {
  const told = {
    method: request.method,
    url: request.originalUrl,
    path: request.path,
    query: request.query,
    headers: request.headers,
    body: shownBody(received(request)),
  }
  // Express's own setter would add a tag of the whole, and with it of what the gateways add.
  response.type('json').end(JSON.stringify(told))
}

app.all('/', bytes, echo)
app.all('/echo', bytes, echo)
app.all('/echo/*rest', bytes, echo)

app.all('/mirror', bytes, (request, response) => {
  const type = request.headers['content-type']
  // Express's own setter would add a charset.
  if (type !== undefined) response.setHeader('content-type', type)
  response.end(received(request))
})
app.post('/json', express.json({ limit: '20mb' }), (request, response) => {
  response.json({ parsed: request.body ?? null })
})
app.post('/form', express.urlencoded({ extended: false }), (request, response) => {
  response.json({ fields: request.body ?? null })
})
app.post('/text', express.text({ limit: '20mb' }), (request, response) => {
  response.type('text/plain').send(`<${request.body ?? ''}>`)
})
app.post('/upload', (request, response, next) => {
  const parts = []
  let parser
  try {
    parser = busboy({ headers: request.headers })
  } catch (error) {
    response.status(400).json({ refused: error.message })
    return
  }
  parser.on('field', (name, value) => parts.push({ name, value }))
  parser.on('file', (name, stream, { filename, mimeType }) => {
    const chunks = []
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.on('end', () => {
      const whole = Buffer.concat(chunks)
      parts.push({ name, filename, type: mimeType, size: whole.length, sha256: digest(whole) })
    })
  })
  parser.on('error', next)
  parser.on('close', () => response.json({ parts }))
  request.pipe(parser)
})

app.get('/items/:id', ({ params }, response) => response.json({ params }))
app.get('/items/:id/parts/:part', ({ params }, response) => response.json({ params }))
app.get('/files/*rest', ({ params }, response) => response.json({ rest: params.rest.join('/') }))

app.all('/status/:code', ({ params }, response) => {
  const status = Number(params.code)
  response.status(status)
  if (hasNoBody(status)) response.end()
  else response.json({ status })
})
app.get('/redirect/:code', ({ params, query }, response) => {
  response.redirect(Number(params.code), String(query.to))
})
app.get('/set-cookies', (_, response) => {
  for (const cookie of cookies) response.append('set-cookie', cookie)
  response.json({ cookies: cookies.length })
})
app.get('/set-cookie', (_, response) => {
  response.append('set-cookie', cookies[0]).json({ cookies: 1 })
})
app.get('/headers/:name', ({ params }, response) => {
  for (const [name, value] of Object.entries(headerSets[params.name]))
    response.setHeader(name, value)
  response.json({ set: params.name })
})
app.get('/content/:kind', ({ params }, response) => {
  const [type, body, encoding] = contents[params.kind]
  response.setHeader('content-type', type)
  if (encoding !== undefined) response.setHeader('content-encoding', encoding)
  response.end(body)
})
app.get('/untyped', (_, response) => response.end('no media type'))
app.get('/nothing', (_, response) => response.end())
app.get('/bytes/:length', ({ params }, response) => {
  response.type('application/octet-stream').send(allBytes(Number(params.length)))
})
app.get('/stream/:count', async ({ params }, response) => {
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  for (let index = 0; index < Number(params.count); index += 1) {
    response.write(`line ${index} ü\n`)
    await new Promise(setImmediate)
  }
  response.end()
})
app.get('/conditional', (_, response) => {
  response.set({ etag: entityTag, 'last-modified': lastModified })
  response.json({ fresh: false })
})
app.get('/throw', () => {
  throw new Error('thrown')
})
app.get('/reject', async () => {
  await new Promise(setImmediate)
  throw new Error('rejected')
})
app.get('/throw-status', () => {
  throw Object.assign(new Error('a teapot'), { status: 418 })
})
