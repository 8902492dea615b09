// Which command `lambda-emu doctor` proposes: each case by what was refused there.

import t from 'tap'
import type { AbilityName } from '../../src/admin/diagnosis.js'
import { explain } from '../../src/cli/doctor-advice.js'
import { asUser, type Changes, diagnosis } from './diagnosis.js'

const helperMissing = 'there is no native helper'
const readOnly = 'no group can be made (/sys/fs/cgroup: EROFS)'
const container = { container: 'docker', rootIsLimited: true } as const
const filtered = { 'user-namespaces': 'EPERM clone', namespaces: 'EPERM clone' }
const noFiles: NonNullable<Changes['worse']> = {
  filesystem: ['none', 'namespaces: EPERM at clone'],
}

/** Ability, what was found, and what is to be typed or done. */
const advice: readonly (readonly [string, AbilityName, Changes, string])[] = [
  [
    'root with a read-only tree',
    'cpu',
    { worse: { cpu: ['duty-cycle', readOnly] } },
    'mount -o remount,bind,rw /sys/fs/cgroup',
  ],
  [
    'a container with a read-only tree',
    'cpu',
    { machine: container, worse: { cpu: ['duty-cycle', readOnly] } },
    'run the container with more rights, as root: docker run --user 0 --privileged …',
  ],
  [
    'a pod',
    'freeze',
    { machine: { ...container, container: 'kubernetes' }, worse: { freeze: ['signal', readOnly] } },
    'give the container `securityContext: {privileged: true, runAsUser: 0}`',
  ],
  [
    'a virtual machine that was made from an image',
    'freeze',
    { machine: { container: 'docker', uid: 1000, cgroups: 'hybrid' }, worse: asUser },
    'sudo lambda-emu start',
  ],
  [
    'no cgroup mount',
    'freeze',
    {
      machine: { cgroups: 'none' },
      worse: { freeze: ['signal', 'no cgroup v2 hierarchy is mounted'] },
    },
    'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
  ],
  [
    'a kernel booted without memory groups',
    'memory',
    {
      machine: { disabledControllers: ['memory'] },
      worse: { memory: ['sampled', 'groups have none'] },
    },
    "add cgroup_enable=memory to the kernel's command line and boot again",
  ],
  [
    'a group of root that holds processes',
    'cpu',
    { worse: { cpu: ['duty-cycle', '/sys/fs/cgroup/a.scope holds processes itself, so (EBUSY)'] } },
    'systemd-run --scope -p Delegate=yes lambda-emu start',
  ],
  [
    'the same where no systemd runs',
    'cpu',
    {
      machine: { serviceManager: false, userServiceManager: false },
      worse: { cpu: ['duty-cycle', '/sys/fs/cgroup holds processes itself, so (EBUSY)'] },
    },
    '(cd /sys/fs/cgroup && mkdir -p init && for pid in $(cat cgroup.procs); do echo $pid >init/cgroup.procs; done)',
  ],
  [
    'a user without sudo',
    'storage',
    { machine: { uid: 1000, programs: [] }, worse: asUser },
    "su -c 'lambda-emu start'",
  ],
  [
    'a user whose Node is in his home',
    'storage',
    {
      machine: { uid: 1000, nodePath: '/home/ada/.nvm/versions/node/v20.20.2/bin/node' },
      worse: asUser,
    },
    'sudo env "PATH=$PATH" lambda-emu start',
  ],
  [
    'a process that can gain no rights',
    'storage',
    { machine: { uid: 1000, noNewPrivileges: true }, worse: asUser },
    'start it as root and elsewhere: no_new_privs is set here, so sudo cannot work',
  ],
  [
    'root of a user namespace',
    'storage',
    {
      machine: { userNamespace: true },
      worse: { storage: ['folder', 'loop-mount: EPERM at mount'] },
    },
    "start it as this machine's own root, outside of this user namespace",
  ],
  [
    'root without CAP_SYS_ADMIN',
    'storage',
    {
      machine: { rootIsLimited: true },
      worse: { storage: ['folder', 'loop-mount: EPERM at mount'] },
    },
    'start it elsewhere: not even root may do this here (no CAP_SYS_ADMIN)',
  ],
  [
    'root who is refused for a reason nobody foresaw',
    'storage',
    { worse: { storage: ['folder', 'loop-mount: EIO at configure'] } },
    'nothing known lifts this: loop-mount: EIO at configure',
  ],
  [
    'Debian with user namespaces switched off',
    'filesystem',
    {
      machine: { uid: 1000, sysctls: { 'kernel.unprivileged_userns_clone': '0' } },
      worse: noFiles,
      probes: filtered,
    },
    'sudo sysctl -w kernel.unprivileged_userns_clone=1',
  ],
  [
    'Ubuntu with user namespaces restricted',
    'runtimeApi',
    {
      machine: {
        uid: 1000,
        sysctls: {
          'kernel.unprivileged_userns_clone': '1',
          'kernel.apparmor_restrict_unprivileged_userns': '1',
        },
      },
      worse: { ...noFiles, runtimeApi: ['none', 'bpf-connect: EPERM at load'] },
      probes: { 'user-namespaces': 'EPERM uid_map' },
    },
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ],
  [
    'a limit of no user namespaces',
    'filesystem',
    {
      machine: { uid: 1000, sysctls: { 'user.max_user_namespaces': '0' } },
      worse: noFiles,
      probes: { 'user-namespaces': 'ENOSPC clone' },
    },
    'sudo sysctl -w user.max_user_namespaces=15000',
  ],
  [
    'a container on such a machine',
    'filesystem',
    {
      machine: { ...container, sysctls: { 'user.max_user_namespaces': '0' } },
      worse: noFiles,
      probes: { 'user-namespaces': 'ENOSPC clone' },
    },
    'on the machine that runs the container: sudo sysctl -w user.max_user_namespaces=15000',
  ],
  [
    'a user whom nothing but a filter refuses',
    'filesystem',
    { machine: { uid: 1000 }, worse: noFiles, probes: filtered },
    'sudo lambda-emu start',
  ],
  [
    'an old kernel',
    'filesystem',
    {
      machine: { uid: 1000 },
      worse: noFiles,
      probes: { 'user-namespaces': 'ENOSYS mount_setattr' },
    },
    'this needs Linux 5.12 or later, and no filter of its calls',
  ],
  [
    'a container with a covered /proc',
    'filesystem',
    { machine: container, worse: noFiles, probes: { 'user-namespaces': 'EPERM proc' } },
    'docker run --security-opt systempaths=unconfined …',
  ],
  [
    'root without loop devices',
    'storage',
    {
      worse: { storage: ['folder', 'loop-mount: ENOENT at loop-control'] },
      probes: { 'loop-mount': 'ENOENT loop-control' },
    },
    'modprobe loop',
  ],
  [
    'a checkout with a compiler',
    'guardian',
    { helper: { path: null, problem: helperMissing }, worse: { guardian: ['no', helperMissing] } },
    'npm run build',
  ],
  [
    'a checkout without one',
    'launcher',
    {
      machine: { uid: 1000, programs: ['sudo', 'dnf'] },
      helper: { path: null, problem: helperMissing },
      worse: { launcher: ['no', helperMissing] },
    },
    'sudo dnf install -y gcc glibc-static kernel-headers && npm run build',
  ],
  [
    'an installation without helper',
    'storage',
    {
      helper: { path: null, problem: helperMissing, canBeBuilt: false },
      worse: { storage: ['folder', helperMissing] },
    },
    'the published package has the native helper; install it again: npm install lambda-emu',
  ],
  [
    'a helper that is named wrongly',
    'guardian',
    {
      helper: { path: '/x', named: true, problem: helperMissing },
      worse: { guardian: ['no', helperMissing] },
    },
    'LAMBDA_EMU_HELPER names no such program: unset LAMBDA_EMU_HELPER',
  ],
  [
    'macOS',
    'freeze',
    {
      machine: { platform: 'darwin' },
      worse: { freeze: ['none', 'no cgroup v2 hierarchy is mounted'] },
    },
    'only Linux can do this: use a Linux virtual machine, or WSL 2 on Windows',
  ],
]

for (const [who, ability, changes, expected] of advice)
  t.test(`${who}: ${ability} is lifted by what was really refused`, async (t) => {
    const line = explain(diagnosis(changes), 'lambda-emu').find((each) => each.ability === ability)
    t.equal(`${line?.lift?.text ?? ''} ${line?.lift?.command ?? ''}`.trim(), expected)
  })
