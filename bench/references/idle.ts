// A reference: a Node that does nothing and stays.

process.send?.({ port: 0 })
process.on('disconnect', () => process.exit())
