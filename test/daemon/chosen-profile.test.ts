// Which profile the options choose.

import t from 'tap'
import { chosenProfile } from '../../src/daemon/chosen-profile.js'
import { localProfile } from '../../src/profile/profile.js'

t.test('the grace before a freeze is the one that is wanted, and else the profile’s', async (t) => {
  t.same(chosenProfile({}), localProfile)
  t.equal(chosenProfile({ freezeGraceMs: 0 }).freezeGraceMs.value, 0)
  t.equal(chosenProfile({ freezeGraceMs: 1_000 }).freezeGraceMs.value, 1_000)
  const { freezeGraceMs: _, ...others } = chosenProfile({ freezeGraceMs: 7 })
  const { freezeGraceMs: __, ...local } = localProfile
  t.same(others, local)
})

t.test('what is no grace is refused', async (t) => {
  for (const freezeGraceMs of [-1, 0.5, 1_001, Number.NaN]) {
    t.throws(() => chosenProfile({ freezeGraceMs }), {
      code: 'EMU_USAGE',
      message: `a freeze grace of ${freezeGraceMs} is not a whole number of ms from 0 to 1000`,
    })
  }
})

t.test('the style of reports is the one that is wanted, and else the profile’s', async (t) => {
  t.equal(localProfile.reportStyle.value, 'status')
  t.equal(chosenProfile({ reportStyle: 'classic' }).reportStyle.value, 'classic')
  t.same(chosenProfile({ reportStyle: 'classic' }).freezeGraceMs, localProfile.freezeGraceMs)
})
