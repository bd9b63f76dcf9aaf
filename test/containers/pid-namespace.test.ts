import assert from 'node:assert/strict';
import { readlinkSync } from 'node:fs';
import { suite, test } from 'node:test';
import { isPidNamespaceInUse, pidNamespaceOf, resolvePidNamespace } from '../../src/containers/pid-namespace.ts';
import { createLogger } from '../../src/program/log.ts';

/** Namespaces have numbers from 0xf0000000 on, so nobody lives here. */
const NOBODYS = 1;

const OURS = Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0]);

function resolveAndLog(wanted: number | 'self'): { resolved: number; lines: string[] } {
  const lines: string[] = [];
  const resolved = resolvePidNamespace(
    wanted,
    createLogger('info', 'text', (line) => lines.push(line)),
  );
  return { resolved, lines };
}

suite('a PID namespace', () => {
  test('has the number that readlink shows', () => assert.equal(pidNamespaceOf('self'), OURS));

  test('of a process that is not there cannot be told', () => {
    assert.throws(() => pidNamespaceOf(2 ** 30), { code: 'ENOENT' });
  });

  test('is in use when a process lives in it', () => assert.equal(isPidNamespaceInUse(OURS), true));

  test('is not in use when nobody does', () => assert.equal(isPidNamespaceInUse(NOBODYS), false));
});

suite('the PID namespace to filter by', () => {
  test('is none for 0', () => assert.deepEqual(resolveAndLog(0), { resolved: 0, lines: [] }));

  test('is our own for "self"', () => assert.deepEqual(resolveAndLog('self'), { resolved: OURS, lines: [] }));

  test('is the given one, without a word, while somebody lives there', () => {
    assert.deepEqual(resolveAndLog(OURS), { resolved: OURS, lines: [] });
  });

  test('is the given one even when nobody lives there yet', () =>
    assert.equal(resolveAndLog(NOBODYS).resolved, NOBODYS));

  test('is warned about, with the cure, when nobody lives there', () => {
    assert.match(resolveAndLog(NOBODYS).lines.join(''), /warn .*nothing is counted.*readlink \/proc\/PID\/ns\/pid/);
  });
});
