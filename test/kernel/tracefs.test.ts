/** Kprobe events, on a folder that looks like tracefs. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { parseProfile, Tracefs } from '../../src/kernel/tracefs.ts';

const root = mkdtempSync(join(tmpdir(), 'floatie-tracefs-'));
after(() => rmSync(root, { recursive: true }));

function tree(name: string, files: Record<string, string>): string {
  const path = join(root, name);
  mkdirSync(join(path, 'events'), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

suite('tracefs', () => {
  test('that is not mounted says how to mount it', () => {
    assert.throws(() => Tracefs.open([join(root, 'nothing')]), /: tracefs is not mounted \(mount -t tracefs none/);
  });

  test('of a kernel without kprobes says which option it lacks', () => {
    assert.throws(() => Tracefs.open([tree('bare', {})]), /CONFIG_KPROBE_EVENTS/);
  });

  test('gets one command for each event that is created and removed', () => {
    const path = tree('commands', { kprobe_events: '' });
    const tracefs = Tracefs.open([path]);
    const entry = tracefs.create('entry_read_1', 'ovl_read_iter');
    tracefs.create('exit_read_1', 'ovl_read_iter', 512);
    tracefs.remove(entry);
    assert.deepEqual(readFileSync(join(path, 'kprobe_events'), 'utf8').trim().split('\n'), [
      'p:floatie/entry_read_1 ovl_read_iter',
      'r512:floatie/exit_read_1 ovl_read_iter',
      '-:floatie/entry_read_1',
    ]);
  });

  test('is swept of the events of Floatie, and of no others', () => {
    const path = tree('sweep', {
      kprobe_events:
        'p:floatie/entry_read_1 ovl_read_iter\nr512:floatie/exit_read_1 ovl_read_iter\np:mine/other do_exit\n',
    });
    Tracefs.open([path]).sweep();
    assert.deepEqual(readFileSync(join(path, 'kprobe_events'), 'utf8').match(/^-:.*$/gm), [
      '-:floatie/entry_read_1',
      '-:floatie/exit_read_1',
    ]);
  });
});

suite('the misses of an event', () => {
  const profile =
    '  entry_read_1                                      1000               0\n  exit_read_1    990    10\n';
  for (const [name, expected] of [
    ['entry_read_1', 0],
    ['exit_read_1', 10],
    ['exit_read', 0],
  ] as const) {
    test(`${name}: ${expected}`, () => assert.equal(parseProfile(profile).get(name) ?? 0, expected));
  }
});
