import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attempt } from '../../../src/commands/doctor/examine.ts';
import { oomBy, overlayfsBy } from '../../../src/commands/doctor/probe-checks.ts';
import { Refusal } from '../../../src/program/refusal.ts';
import type { OomMethod } from '../../../src/receivers/oom/probes.ts';
import { METHODS, type Method } from '../../../src/receivers/overlayfs/probes.ts';
import type { Trial } from '../../../src/receivers/overlayfs/trial.ts';
import { examination, TRIAL } from './examination.ts';

const ERROR = new Refusal('Cannot load x', { why: 'it is not allowed', cure: 'allow it' });
const REFUSED = { error: ERROR };
const WITHOUT_START = { error: new Error('nothing works') };
const NOTHING = { value: [] };

function rungs(works: Partial<Record<Method, Trial | null>>): ReadonlyMap<Method, Attempt<Trial | null>> {
  return new Map(
    METHODS.map((method) => {
      const trial = works[method];
      return [method, trial === undefined ? REFUSED : { value: trial }];
    }),
  );
}

suite('a way to attach', () => {
  test('that is used says so, and what its trial found', () => {
    assert.deepEqual(overlayfsBy('fentry', examination()), {
      verdict: 'ok',
      reason: 'used; counted 1000 of 1000 reads in a trial',
    });
  });

  test('that is used says what it does not measure on this kernel', () => {
    const unmeasured = [{ op: 'write', reason: 'no such function' }];
    const receivers = { value: [{ probe: 'overlayfs', attached: true, method: 'fentry', unmeasured }] };
    assert.deepEqual(overlayfsBy('fentry', examination({ receivers })), {
      verdict: 'ok',
      reason: 'used; counted 1000 of 1000 reads in a trial; it does not measure write: no such function',
    });
  });

  test('that is not used is fine, too', () => {
    assert.deepEqual(overlayfsBy('syscall', examination()), {
      verdict: 'ok',
      reason: 'counted 1000 of 1000 reads in a trial',
    });
  });

  test('that is refused is not needed where another one works', () => {
    const overlayfs = rungs({ fentry: TRIAL });
    assert.deepEqual(overlayfsBy('kprobe', examination({ overlayfs })), {
      verdict: 'unneeded',
      reason: 'it is not allowed',
      cure: 'allow it',
    });
  });

  test('that is refused like all others keeps Floatie from starting', () => {
    const none = examination({ overlayfs: rungs({}), receivers: WITHOUT_START });
    assert.equal(overlayfsBy('kprobe', none).verdict, 'fail');
  });

  test('that is refused like all others is a loss where OOM kills are still seen', () => {
    assert.equal(overlayfsBy('kprobe', examination({ overlayfs: rungs({}), receivers: NOTHING })).verdict, 'warn');
  });

  test('that is the only one allowed by the configuration is needed although others work', () => {
    const set = ['receivers.overlayfs.attach=kprobe'];
    const forced = examination({ set, overlayfs: rungs({ syscall: TRIAL }), receivers: WITHOUT_START });
    assert.equal(overlayfsBy('kprobe', forced).verdict, 'fail');
    assert.equal(overlayfsBy('fentry', forced).verdict, 'unneeded');
  });

  test('is not needed for a receiver that is not in the pipeline', () => {
    const set = ['service.pipelines.metrics.receivers=[oom]'];
    assert.equal(overlayfsBy('fentry', examination({ set, overlayfs: rungs({}) })).verdict, 'unneeded');
  });

  test('that loses events is not taken where there is a better one', () => {
    const overlayfs = rungs({ fentry: { done: 1000, counted: 900, missed: 100 }, kprobe: TRIAL });
    const { verdict, reason } = overlayfsBy('fentry', examination({ overlayfs, receivers: NOTHING }));
    assert.equal(verdict, 'unneeded');
    assert.match(reason, /^counted 900 of 1000 reads in a trial, 100 runs of its programs were left out/);
  });

  test('that loses events and is taken all the same is a loss', () => {
    const overlayfs = rungs({ fentry: { done: 1000, counted: 900, missed: 100 } });
    assert.equal(overlayfsBy('fentry', examination({ overlayfs })).verdict, 'warn');
  });

  test('that could not be tried for exactness says why', () => {
    const overlayfs = rungs({ fentry: null });
    const { verdict, reason } = overlayfsBy('fentry', examination({ overlayfs, noTrial: 'needs CAP_SYS_ADMIN' }));
    assert.equal(verdict, 'ok');
    assert.match(reason, /could not be tried: needs CAP_SYS_ADMIN/);
  });

  test('is unknown while there is no overlayfs to attach to', () => {
    const { verdict, cure } = overlayfsBy('fentry', examination({ overlayfs: null, receivers: NOTHING }));
    assert.deepEqual([verdict, cure], ['unknown', 'modprobe overlay']);
  });

  test('to the OOM killer is judged likewise', () => {
    const some = new Map<OomMethod, Attempt<void>>([
      ['fentry', REFUSED],
      ['tracepoint', { value: undefined }],
    ]);
    assert.equal(oomBy('fentry', examination({ oom: some })).verdict, 'unneeded');
    const none = new Map<OomMethod, Attempt<void>>([['fentry', REFUSED]]);
    assert.equal(oomBy('fentry', examination({ oom: none })).verdict, 'warn');
    assert.equal(oomBy('fentry', examination({ oom: none, receivers: WITHOUT_START })).verdict, 'fail');
    assert.equal(oomBy('tracepoint', examination()).reason, 'attached');
  });
});
