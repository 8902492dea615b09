// What is opened is closed, whatever happens.

import t from 'tap'
import { Scope } from '../../bench/scope.js'

t.test('everything is closed, last first, each once, whatever fails', async (t) => {
  const scope = new Scope()
  const closed: number[] = []
  scope.add(() => closed.push(1))
  scope.add(async () => {
    closed.push(2)
    throw new Error('the second')
  })
  scope.add(() => {
    closed.push(3)
    throw new Error('the third')
  })
  await t.rejects(scope.close(), { message: 'the third' })
  t.same(closed, [3, 2, 1])
  await t.rejects(scope.close(), { message: 'the third' })
  t.same(closed, [3, 2, 1])
})

t.test('nothing stays open in a scope that is closed', async (t) => {
  const scope = new Scope()
  await scope.close()
  let closed = false
  const late = () => {
    closed = true
  }
  t.throws(() => scope.add(late), { message: 'interrupted' })
  t.ok(closed)
})
