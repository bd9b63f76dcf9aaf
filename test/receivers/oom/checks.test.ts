import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attempt } from '../../../src/receivers/checks.ts';
import { losesScope, oomBy } from '../../../src/receivers/oom/checks.ts';
import { OOM_METHODS, type OomMethod } from '../../../src/receivers/oom/probes.ts';

const REFUSED = { error: new Error('it is not allowed') };
const USED = { isWanted: true, method: 'fentry', starts: true };

suite('a way to attach to the OOM killer', () => {
  test('is judged as those to overlayfs are', () => {
    const some = new Map<OomMethod, Attempt<void>>([
      ['fentry', REFUSED],
      ['tracepoint', { value: undefined }],
    ]);
    assert.equal(oomBy('fentry', some, USED).verdict, 'unneeded');
    const none = new Map<OomMethod, Attempt<void>>([['fentry', REFUSED]]);
    assert.equal(oomBy('fentry', none, USED).verdict, 'warn');
    assert.equal(oomBy('fentry', none, { isWanted: true, method: null, starts: false }).verdict, 'fail');
    const all = new Map(OOM_METHODS.map((method) => [method, { value: undefined }]));
    assert.equal(oomBy('tracepoint', all, USED).reason, 'attached');
  });
});

suite('whose memory ran out', () => {
  const rungs = (...works: OomMethod[]) =>
    new Map(OOM_METHODS.map((method) => [method, works.includes(method) ? { value: undefined } : REFUSED]));

  test('is known where the OOM killer is followed', () =>
    assert.equal(losesScope(rungs('kprobe', 'tracepoint'), { isWanted: true }), false));

  test('is lost without the log where it is not', () =>
    assert.equal(losesScope(rungs('tracepoint'), { isWanted: true }), true));

  test('is nothing that is lost without the receiver', () =>
    assert.equal(losesScope(rungs('tracepoint'), { isWanted: false }), false));
});
