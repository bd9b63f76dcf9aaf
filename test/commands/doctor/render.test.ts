import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { render } from '../../../src/commands/doctor/render.ts';
import type { Check } from '../../../src/program/check.ts';

const CHECKS: readonly Check[] = [
  { name: 'kernel', verdict: 'ok', reason: 'Linux 6.12' },
  { name: 'overlayfs.kprobe', verdict: 'unneeded', reason: 'tracefs is not mounted', cure: 'mount it' },
  { name: 'oom.kprobe', verdict: 'warn', reason: 'tracefs is not mounted', cure: 'mount -t tracefs' },
  { name: 'pressure', verdict: 'warn', reason: 'no psi', cure: 'mount -t tracefs' },
  { name: 'overlayfs.operations', verdict: 'ok', reason: Array.from({ length: 90 }, (_, at) => `word${at}`).join(' ') },
];

suite('floatie doctor prints', () => {
  const lines = render(CHECKS, false).split('\n');

  test('a cure once, and none for what is unneeded', () => {
    assert.deepEqual(
      lines.filter((line) => line.includes('→')).map((line) => line.trim()),
      ['→ mount -t tracefs'],
    );
  });

  test('no line of more than 120 characters, and every word', () => {
    assert.ok(lines.every((line) => line.length <= 120));
    assert.match(render(CHECKS, false).replace(/\n {20,}/g, ' '), /word0 word1 .* word88 word89\n/);
  });

  test('colours on a terminal, and nothing else', () => {
    assert.notEqual(render(CHECKS, true), render(CHECKS, false));
    assert.equal(stripVTControlCharacters(render(CHECKS, true)), render(CHECKS, false));
  });
});
