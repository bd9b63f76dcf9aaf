import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { Refusal } from '../../../src/program/refusal.ts';
import type { Attempt } from '../../../src/receivers/checks.ts';
import { operations, overlayfsBy } from '../../../src/receivers/overlayfs/checks.ts';
import { METHODS, type Method } from '../../../src/receivers/overlayfs/probes.ts';
import type { Attach } from '../../../src/receivers/overlayfs/receiver.ts';
import type { Trial } from '../../../src/receivers/overlayfs/trial.ts';

const TRIAL = { done: 1000, counted: 1000, missed: 0 };
const REFUSED = { error: new Refusal('Cannot load x', { why: 'it is not allowed', cure: 'allow it' }) };

function rungs(works: Partial<Record<Method, Trial | null>>): ReadonlyMap<Method, Attempt<Trial | null>> {
  return new Map(
    METHODS.map((method) => {
      const trial = works[method];
      return [method, trial === undefined ? REFUSED : { value: trial }];
    }),
  );
}

interface Given {
  readonly tried?: ReadonlyMap<Method, Attempt<Trial | null>> | null;
  readonly noTrial?: string;
  readonly attach?: Attach;
  readonly isWanted?: boolean;
  readonly starts?: boolean;
  readonly used?: Method | null;
}

/** What is said of a method where all is well, but for what is given. */
function said(method: Method, given: Given = {}) {
  const { noTrial = null, attach = 'auto', isWanted = true, starts = true, used = 'fentry' } = given;
  const { tried = new Map(METHODS.map((method) => [method, { value: TRIAL }])) } = given;
  const settings = { ...loadConfig({ env: {}, set: [] }).receivers.overlayfs, attach, operations: ['read'] };
  return overlayfsBy(method, { tried, noTrial }, { settings, isWanted, method: starts ? used : null, starts });
}

suite('a way to attach', () => {
  test('that is used says so, and what its trial found', () => {
    assert.deepEqual(said('fentry'), {
      verdict: 'ok',
      reason: 'used; counted 1000 of 1000 reads in a trial',
    });
  });

  test('that is not used is fine, too', () => {
    assert.deepEqual(said('syscall'), {
      verdict: 'ok',
      reason: 'counted 1000 of 1000 reads in a trial',
    });
  });

  test('that is refused is not needed where another one works', () => {
    assert.deepEqual(said('kprobe', { tried: rungs({ fentry: TRIAL }) }), {
      verdict: 'unneeded',
      reason: 'it is not allowed',
      cure: 'allow it',
    });
  });

  test('that is refused like all others keeps Floatie from starting', () => {
    assert.equal(said('kprobe', { tried: rungs({}), starts: false }).verdict, 'fail');
  });

  test('that is refused like all others is a loss where OOM kills are still seen', () => {
    assert.equal(said('kprobe', { tried: rungs({}), used: null }).verdict, 'warn');
  });

  test('that is the only one allowed by the configuration is needed although others work', () => {
    const forced = { attach: 'kprobe', tried: rungs({ syscall: TRIAL }), starts: false } as const;
    assert.equal(said('kprobe', forced).verdict, 'fail');
    assert.equal(said('fentry', forced).verdict, 'unneeded');
  });

  test('is not needed for a receiver that is not in the pipeline', () => {
    assert.equal(said('fentry', { isWanted: false, tried: rungs({}) }).verdict, 'unneeded');
  });

  test('that loses events is not taken where there is a better one', () => {
    const tried = rungs({ fentry: { done: 1000, counted: 900, missed: 100 }, kprobe: TRIAL });
    const { verdict, reason } = said('fentry', { tried, used: null });
    assert.equal(verdict, 'unneeded');
    assert.match(reason, /^counted 900 of 1000 reads in a trial, the kernel skipped 100 runs of its programs$/);
  });

  test('that loses events and is taken all the same is a loss', () => {
    const tried = rungs({ fentry: { done: 1000, counted: 900, missed: 100 } });
    assert.equal(said('fentry', { tried }).verdict, 'warn');
  });

  test('that could not be tried for exactness says why', () => {
    const tried = rungs({ fentry: null });
    const { verdict, reason } = said('fentry', { tried, noTrial: 'needs CAP_SYS_ADMIN' });
    assert.equal(verdict, 'ok');
    assert.match(reason, /could not be tried: needs CAP_SYS_ADMIN/);
  });

  test('is unknown while there is no overlayfs to attach to', () => {
    const { verdict, cure } = said('fentry', { tried: null, used: null });
    assert.deepEqual([verdict, cure], ['unknown', 'modprobe overlay']);
  });
});

suite('the operations', () => {
  test('that are not measured, or in part, are named once for each reason', () => {
    const unmeasured = [
      { ops: ['splice', 'flush'], reason: 'no such function' },
      { ops: ['fault'], reason: 'not seen' },
    ];
    const partly = [{ ops: ['open'], reason: 'not those that fail' }];
    assert.deepEqual(operations({ method: 'syscall', gaps: { unmeasured, partly } }), {
      verdict: 'ok',
      reason:
        'not measured: splice, flush: no such function; fault: not seen; measured in part: open: not those that fail',
    });
  });

  test('are unknown while nothing is attached', () => {
    assert.equal(operations({ method: null, gaps: {} }).verdict, 'unknown');
  });
});
