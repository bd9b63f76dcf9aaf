import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Health } from '../../src/program/health.ts';
import { createLogger } from '../../src/program/log.ts';
import { holdClocks } from '../support/clocks.ts';

function healthWithLog(): { health: Health; lines: string[] } {
  const lines: string[] = [];
  return { health: new Health(createLogger('info', 'text', (line) => lines.push(line))), lines };
}

suite('Floatie is ready', () => {
  test('not before a probe is attached', () => {
    assert.deepEqual(healthWithLog().health.readiness(), { ready: false, probes: [] });
  });

  test('when one is', () => {
    const { health } = healthWithLog();
    health.attached('overlayfs', 'syscall');
    assert.deepEqual(health.readiness(), {
      ready: true,
      probes: [{ probe: 'overlayfs', attached: true, method: 'syscall' }],
    });
  });

  test('not while others are still being started, of which it says so', () => {
    const { health } = healthWithLog();
    health.starting(['overlayfs', 'oom']);
    health.attached('oom', 'tracepoint');
    assert.deepEqual(health.readiness(), {
      ready: false,
      probes: [
        { probe: 'overlayfs', attached: false, method: 'none', reason: 'it is being started' },
        { probe: 'oom', attached: true, method: 'tracepoint' },
      ],
    });
    health.started();
    assert.equal(health.readiness().ready, true);
  });

  test('when one is that does not measure everything on this kernel, and says what', () => {
    const { health } = healthWithLog();
    const unmeasured = [{ ops: ['write'], reason: 'no such function' }];
    health.attached('overlayfs', 'fentry', [], { unmeasured });
    assert.deepEqual(health.readiness(), {
      ready: true,
      probes: [{ probe: 'overlayfs', attached: true, method: 'fentry', unmeasured }],
    });
  });

  test('not while the only one failed', () => {
    const { health } = healthWithLog();
    health.failed('overlayfs', 'no BTF');
    assert.deepEqual(health.readiness(), {
      ready: false,
      probes: [{ probe: 'overlayfs', attached: false, method: 'none', reason: 'no BTF' }],
    });
  });

  test('although another one failed', () => {
    const { health } = healthWithLog();
    health.attached('overlayfs', 'syscall');
    health.failed('oom', 'no BTF');
    assert.equal(health.readiness().ready, true);
  });

  test('again when a probe that failed is attached, and the reason is gone', () => {
    const { health } = healthWithLog();
    health.failed('overlayfs', 'no BTF');
    health.attached('overlayfs', 'syscall');
    assert.deepEqual(health.readiness().probes, [{ probe: 'overlayfs', attached: true, method: 'syscall' }]);
  });
});

suite('collections that fail', () => {
  test('are counted, each of them', () => {
    const { health } = healthWithLog();
    for (let i = 0; i < 3; i++) health.collectFailed(new Error('broken'));
    assert.equal(health.collectErrors, 3);
  });

  test('are logged with their reason', () => {
    const { health, lines } = healthWithLog();
    health.collectFailed(new Error('the map is closed'));
    assert.match(lines.join(''), /error Cannot collect: the map is closed/);
  });

  test('are logged with the reasons inside an AggregateError', () => {
    const { health, lines } = healthWithLog();
    health.collectFailed(new AggregateError([new Error('the map is closed')], 'Several sources failed'));
    assert.match(lines.join(''), /the map is closed/);
  });

  test('do not fill the log: one line a minute', (context) => {
    const clocks = holdClocks(context);
    const { health, lines } = healthWithLog();
    health.collectFailed(new Error('first'));
    clocks.pass(59_999);
    health.collectFailed(new Error('second'));
    assert.equal(lines.length, 1);
  });

  test('are logged again after a minute', (context) => {
    const clocks = holdClocks(context);
    const { health, lines } = healthWithLog();
    health.collectFailed(new Error('first'));
    clocks.pass(60_000);
    health.collectFailed(new Error('second'));
    assert.equal(lines.length, 2);
  });

  test('are told whatever was thrown', () => {
    const { health, lines } = healthWithLog();
    health.collectFailed('just a text');
    assert.match(lines.join(''), /just a text/);
  });
});
