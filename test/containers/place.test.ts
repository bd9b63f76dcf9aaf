import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { identify } from '../../src/containers/identity.ts';
import { sharerOf } from '../../src/containers/place.ts';

const ID = 'c'.repeat(64);
const UID = '01234567-89ab-cdef-0123-456789abcdef';

suite('map entries are shared', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['by what a container makes inside', `/docker/${ID}/init/worker`, ID],
    ['by the containers of a pod', `/kubepods/besteffort/pod${UID}/${ID}`, UID],
    [
      'by what a user makes, whatever it is called',
      `/user.slice/user-1000.slice/user@1000.service/libpod-${ID}.scope`,
      '/user.slice/user-1000.slice',
    ],
    ['by what a unit makes', '/system.slice/build.service/job-7', '/system.slice/build.service'],
    ['by the children of a cgroup', '/jobs/7', '/jobs'],
    ['by nobody where it has none', '/jobs', '/jobs'],
    ['by all that are in the root', '/', '/'],
  ];
  for (const [name, path, sharer] of cases) test(name, () => assert.equal(sharerOf(identify(path)), sharer));
});
