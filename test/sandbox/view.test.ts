// What a function's root is made of, as words for the helper, and the names of host paths inside. Pure.

import t from 'tap'
import {
  type HostTree,
  openView,
  rootWords,
  sealedView,
  type ViewWish,
} from '../../src/sandbox/view.js'

const host: HostTree = {
  top: {
    bin: { link: 'usr/bin' },
    lib: { link: 'usr/lib' },
    lib64: { link: 'usr/lib64' },
    usr: 'folder',
    etc: 'folder',
    home: 'folder',
    root: 'folder',
    srv: 'folder',
  },
  resolvConf: '/run/systemd/resolve/stub-resolv.conf',
  hosts: '127.0.0.1 localhost\n',
  cpuInfo: [0, 1, 2, 3].map((cpu) => `processor\t: ${cpu}\nmodel name\t: x\n\n`).join(''),
}

const view: ViewWish = {
  codeFolder: '/home/ada/app/hello',
  runtimeFolder: '/opt/lambda-emu/runtimes/nodejs',
  programPaths: ['/usr/bin/node', '/home/ada/.nvm/bin/node', '/usr'],
  programs: { node: '/home/ada/.nvm/bin/node' },
}

function words(changes: Partial<Parameters<typeof rootWords>[0]> = {}): string {
  return rootWords({
    view,
    host,
    tmpFolder: '/state/storage/1',
    user: 993,
    group: 990,
    codeOwner: undefined,
    hostNames: [],
    visibleCpus: 2,
    ...changes,
  }).join(' ')
}

t.test('of this machine only the system’s own folders show, read-only', async (t) => {
  const all = words()
  for (const part of [
    '--link usr/bin /bin',
    '--bind /usr /usr',
    '--bind /etc /etc',
    '--bind /run/systemd/resolve/stub-resolv.conf /run/systemd/resolve/stub-resolv.conf',
  ])
    t.ok(all.includes(part), part)
  for (const private_ of ['/root', '/srv', '/home ', '/var/run'])
    t.notOk(all.includes(` ${private_} `), private_)
  t.equal(all.match(/--bind-writable/g)?.length, 1, 'one folder can be written to')
  t.ok(all.includes('--bind-writable /state/storage/1 /tmp'))
})

t.test('an interpreter outside /usr shows alone, at its own path and at Lambda’s', async (t) => {
  const all = words()
  t.ok(all.includes('--bind /home/ada/.nvm/bin/node /home/ada/.nvm/bin/node'))
  t.ok(all.includes('--link /home/ada/.nvm/bin/node /var/lang/bin/node'))
  t.equal(all.match(/--bind \/usr /g)?.length, 1, '/usr is bound once')
})

t.test(
  'packages that the user installed for himself show where Python looks for them',
  async (t) => {
    const below = '.local/lib/python3.12/site-packages'
    const all = words({ view: { ...view, homePackages: { [below]: `/home/ada/${below}` } } })
    t.ok(all.includes(`--bind /home/ada/${below} /home/sbx_user1051/${below}`))
  },
)

t.test('layers show in /opt, each entry alone, beside an interpreter that is there', async (t) => {
  const layers = {
    folder: '/state/layers/1/opt',
    sha256: '',
    sizeBytes: 1,
    top: { bin: 'folder', lib: { link: 'bin' }, note: 'file' },
  } as const
  const programPaths = ['/opt/node/bin/node']
  const all = words({ view: { ...view, layers, programPaths } })
  for (const part of [
    '--folder /opt 755 --bind /state/layers/1/opt/bin /opt/bin --link bin /opt/lib',
    '--bind /state/layers/1/opt/note /opt/note',
    '--bind /opt/node/bin/node /opt/node/bin/node',
  ])
    t.ok(all.includes(part), part)
  const sealed = sealedView({ ...view, layers })
  t.equal(sealed.layersFolder, '/opt')
  t.equal(sealed.pathInside('/state/layers/1/opt/bootstrap'), '/opt/bootstrap')
  t.equal(openView({ ...view, layers }, '/tmp/1').layersFolder, layers.folder)
})

t.test('a hosts file of megabytes is cut at a line', async (t) => {
  const hosts = `127.0.0.1 localhost\n${'0.0.0.0 advertisement.example\n'.repeat(100_000)}`
  const shown = rootWords({
    view,
    host: { ...host, hosts },
    tmpFolder: '/state/storage/1',
    user: 993,
    group: 990,
    codeOwner: undefined,
    hostNames: ['127.0.0.1 secret.internal'],
    visibleCpus: 2,
  }).find((word) => word.startsWith('127.0.0.1 secret.internal\n'))
  t.ok((shown?.length ?? 0) < 100_000)
  t.match(shown, /\n127\.0\.0\.1 localhost\n(0\.0\.0\.0 advertisement\.example\n)+$/)
})

t.test('the code is at /var/task and the runtime at /var/runtime', async (t) => {
  t.ok(words().includes('--bind /home/ada/app/hello /var/task'))
  t.ok(words().includes('--bind /opt/lambda-emu/runtimes/nodejs /var/runtime'))
  t.ok(
    words({ codeOwner: 1000 }).includes('--bind-owner /home/ada/app/hello /var/task 1000'),
    'a folder that only its owner may read shows as the function’s own',
  )
  const own = words({ view: { ...view, runtimeFolder: undefined } })
  t.ok(own.includes('--folder /var/runtime 755'), 'a custom runtime finds it empty')
})

t.test('dependencies that a copy of the code leaves where they are show in it', async (t) => {
  const live = { path: 'node_modules', folder: '/home/ada/app/hello/node_modules' }
  const copy = { ...view, codeFolder: '/state/snapshots/3', liveFolders: [live] }
  const all = words({ view: copy })
  const code = all.indexOf('--bind /state/snapshots/3 /var/task')
  const after = all.indexOf('--bind /home/ada/app/hello/node_modules /var/task/node_modules')
  t.ok(code >= 0 && code < after)
  t.ok(
    words({ view: { ...copy, liveFolders: [{ ...live, owner: 1000 }] } }).includes(
      '--bind-owner /home/ada/app/hello/node_modules /var/task/node_modules 1000',
    ),
  )
})

t.test('the mounts come in an order in which each has its place', async (t) => {
  const all = words({
    view: {
      ...view,
      linkedModules: {
        binds: ['/tmp/work/node_modules'],
        links: [{ path: '/var/node_modules', target: '/tmp/work/node_modules' }],
        taskLinks: [{ name: '@acme/lib', target: '/tmp/work/lib' }],
      },
    },
  })
  const at = (part: string) => {
    t.ok(all.includes(part), part)
    return all.indexOf(part)
  }
  t.ok(at('--bind-writable') < at('--bind /tmp/work/node_modules'), 'after the /tmp it stands in')
  t.ok(at('--bind /home/ada/app/hello /var/task') < at('--cover /var/task/node_modules'))
  const link = at('--link /tmp/work/lib /var/task/node_modules/@acme/lib')
  t.ok(at('--cover /var/task/node_modules') < link)
  t.ok(link < at('--seal /var/task/node_modules'))
  t.ok(at('--bind /etc /etc') < at('--file /etc/passwd'))
})

t.test(
  'the user has the name that it has on Lambda, and as few CPUs as its memory buys',
  async (t) => {
    const all = words({
      user: 1879100001,
      group: 1879100001,
      hostNames: ['127.0.0.1 secret.internal'],
    })
    t.match(all, /sbx_user1051:x:1879100001:1879100001::\/home\/sbx_user1051:/)
    t.match(all, /--file \/etc\/hosts 644 127\.0\.0\.1 secret\.internal\n127\.0\.0\.1 localhost\n/)
    t.match(all, /--file \/sys\/devices\/system\/cpu\/online 444 0-1\n/)
    const shown = /--file \/proc\/cpuinfo 444 ([\s\S]*)$/.exec(all)?.[1] ?? ''
    t.equal(shown.match(/^processor/gm)?.length, 2)
    t.notMatch(words({ visibleCpus: 4 }), /\/proc\/cpuinfo/, 'which is left alone when it is right')
    t.match(words({ visibleCpus: 1 }), /online 444 0\n/)
  },
)

t.test('host paths have other names inside, and their own without namespaces', async (t) => {
  const sealed = sealedView(view)
  t.equal(sealed.taskRoot, '/var/task')
  t.equal(sealed.tmpFolder, undefined)
  t.equal(sealed.pathInside('/home/ada/app/hello'), '/var/task')
  t.equal(sealed.pathInside('/home/ada/app/hello/bootstrap'), '/var/task/bootstrap')
  t.equal(sealed.pathInside('/home/ada/app/hello2/x'), '/home/ada/app/hello2/x')
  t.equal(
    sealed.pathInside('/opt/lambda-emu/runtimes/nodejs/bootstrap.cjs'),
    '/var/runtime/bootstrap.cjs',
  )
  const open = openView(view, '/state/storage/1')
  t.equal(open.taskRoot, view.codeFolder)
  t.equal(open.tmpFolder, '/state/storage/1')
  t.equal(open.pathInside('/home/ada/app/hello/x'), '/home/ada/app/hello/x')
})
