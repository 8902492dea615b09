// Reaches servers of the machine as a function of the user would, with Node's own means.

import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { createConnection } from 'node:net'

const ways = {
  fetch: async ({ host, port }) => {
    const name = host.includes(':') ? `[${host}]` : host
    return (await fetch(`http://${name}:${port}/`)).text()
  },
  socket: ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = createConnection({ host, port })
      let text = ''
      socket.on('error', reject)
      socket.on('data', (bytes) => {
        text += bytes
      })
      socket.on('close', () => resolve(text.split('\r\n\r\n')[1]))
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    }),
  datagram: ({ host, port }) =>
    new Promise((resolve, reject) => {
      const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
      socket.on('error', reject)
      socket.on('message', (bytes) => {
        socket.close()
        resolve(String(bytes))
      })
      socket.send('ask', port, host)
    }),
  name: async ({ host }) => (await lookup(host, { family: 4 })).address,
}

export async function handler(visits) {
  const told = []
  for (const visit of visits)
    told.push(await ways[visit.way](visit).catch((error) => error.cause?.code ?? error.code))
  return told
}
