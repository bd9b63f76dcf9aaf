/** Files of users, who may be hostile: they name that user's containers, and lead to nothing else. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, linkSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { listFolder, openFolder, readForeignFile } from '../../src/containers/foreign-files.ts';
import type { Names } from '../../src/containers/identity.ts';
import { RuntimeFiles } from '../../src/containers/names.ts';
import { missing } from '../support/requirements.ts';

const ID = '0123456789abcdef'.repeat(4);
const USER = 61_234;
const MINE = `/user.slice/user-${USER}.slice/user@${USER}.service/user.slice/docker-${ID}.scope`;
const ROOTS = `/docker/${ID}`;
const CONFIG = `containers/${ID}/config.v2.json`;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'floatie-files-'));
});

afterEach(() => rmSync(root, { recursive: true }));

/** As that user, who owns the folders on the way, too. */
function write(path: string, content: unknown, uid: number): void {
  const parts = path.split('/').slice(0, -1);
  for (let length = 1; length <= parts.length; length++) own(parts.slice(0, length).join('/'), uid);
  writeFileSync(join(root, path), JSON.stringify(content));
  chownSync(join(root, path), uid, uid);
}

function own(path: string, uid: number): void {
  if (readdirSync(dirname(join(root, path))).includes(path.split('/').at(-1) ?? '')) return;
  mkdirSync(join(root, path));
  chownSync(join(root, path), uid, uid);
}

function namesOf(cgroup: string): Names {
  const places = { docker: [join(root, 'roots'), join(root, 'home/*/docker')], containerd: [], storage: [] };
  return new RuntimeFiles(places).identify(cgroup).names ?? {};
}

suite('the files of a user', { skip: missing('root') }, () => {
  beforeEach(() => {
    own('home', 0);
    write(`home/mine/docker/${CONFIG}`, { Name: '/mine' }, USER);
    write(`home/other/docker/${CONFIG}`, { Name: '/others' }, USER + 1);
  });

  test('name the containers of that user', () => assert.deepEqual(namesOf(MINE), { containerName: 'mine' }));

  test('name no container of root', () => assert.deepEqual(namesOf(ROOTS), {}));

  test('name no container of another user, who has no files', () => {
    rmSync(join(root, 'home/mine'), { recursive: true });
    assert.deepEqual(namesOf(MINE), {});
  });

  test('are not needed for what root has files of, and are not mixed with these', () => {
    write(`roots/${CONFIG}`, { Name: '/web' }, 0);
    assert.deepEqual([namesOf(ROOTS), namesOf(MINE)], [{ containerName: 'web' }, { containerName: 'mine' }]);
  });

  const secret = (): string => {
    write(`roots/${CONFIG}`, { Name: '/secret' }, 0);
    return join(root, 'roots');
  };
  const leads: [string, () => void][] = [
    ['by a link in place of the folder', () => replace('home/mine/docker', secret())],
    ['by a link on the way', () => replace('home/mine/docker/containers', join(secret(), 'containers'))],
    ['by a link in place of the file', () => replace(`home/mine/docker/${CONFIG}`, join(secret(), CONFIG))],
    [
      'by a hard link to it',
      () => {
        const file = join(secret(), CONFIG);
        rmSync(join(root, 'home/mine/docker', CONFIG));
        linkSync(file, join(root, 'home/mine/docker', CONFIG));
      },
    ],
    [
      'and does not wait for a pipe',
      () => {
        rmSync(join(root, 'home/mine/docker', CONFIG));
        execFileSync('mkfifo', [join(root, 'home/mine/docker', CONFIG)]);
      },
    ],
    [
      'and reads no more than a limit',
      () => write(`home/mine/docker/${CONFIG}`, { Name: '/mine', x: 'x'.repeat(1 << 20) }, USER),
    ],
  ];
  for (const [name, lead] of leads) {
    test(`do not lead Floatie to root's ${name}`, () => {
      lead();
      assert.deepEqual(namesOf(MINE), {});
    });
  }

  function replace(path: string, target: string): void {
    rmSync(join(root, path), { recursive: true });
    symlinkSync(target, join(root, path));
    execFileSync('chown', ['-h', `${USER}:${USER}`, join(root, path)]);
  }
});

suite('links of root', { skip: missing('root') }, () => {
  test('are followed, relative and absolute: a data root is often elsewhere', () => {
    write(`disk/docker/${CONFIG}`, { Name: '/web' }, 0);
    symlinkSync(join(root, 'disk'), join(root, 'absolute'));
    symlinkSync('absolute/docker', join(root, 'roots'));
    assert.deepEqual(namesOf(ROOTS), { containerName: 'web' });
  });

  test('that lead in a circle end', () => {
    symlinkSync('roots', join(root, 'roots'));
    assert.equal(openFolder(join(root, 'roots')), null);
  });
});

test('of a folder only so many names are listed', () => {
  for (const name of ['a', 'b', 'c']) mkdirSync(join(root, name));
  using folder = openFolder(root);
  assert.ok(folder);
  assert.equal(listFolder(folder, 2).length, 2);
});

test('no descriptor stays open', () => {
  const before = readdirSync('/proc/self/fd').length;
  for (const path of ['/etc/hostname', '/proc/self/status', '/nowhere/x', '/etc/passwd/x', '/dev/null', root]) {
    readForeignFile(path, 100);
  }
  assert.equal(readdirSync('/proc/self/fd').length, before);
});
