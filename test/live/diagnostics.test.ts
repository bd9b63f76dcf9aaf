/** What OpenTelemetry and gRPC say of themselves is in the log of the program that Floatie is, or is a part of. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { suite, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { freePort } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const ENV = { GRPC_VERBOSITY: 'DEBUG', GRPC_TRACE: 'channel' };
/** What the trace of a channel says when it is made. */
const TRACE = /gRPC: channel \| .*Channel constructed/;

suite('what gRPC says of itself', { skip: missing('root', 'btf') }, () => {
  test('is in the log at the level debug, and nowhere else', async () => {
    const endpoint = ['--set', `exporters.otlp.endpoint=http://127.0.0.1:${await freePort()}`];
    const debug = [
      ...endpoint,
      '--set',
      'service.telemetry.log_level=debug',
      '--set',
      'exporters.otlp.interval_ms=500',
    ];
    await using floatie = await startFloatie(debug, { env: ENV });
    const line = await eventually('it is there', () => floatie.log.find(({ message }) => TRACE.test(message)));
    assert.equal(line.level, 'debug');
    assert.deepEqual(
      floatie.log.filter(({ level }) => level === 'raw'),
      [],
    );
    assert.equal(await floatie.stop(), 0);

    await using quiet = await startFloatie([...endpoint, '--set', 'exporters.otlp.interval_ms=500'], { env: ENV });
    await eventually('an export has failed', () => quiet.log.some(({ level }) => level === 'error'));
    assert.ok(quiet.log.every(({ level, message }) => level !== 'raw' && !TRACE.test(message)));
    assert.equal(await quiet.stop(), 0);
  });

  test('goes to the program around Floatie where that listens to OpenTelemetry, which keeps it', async () => {
    const host = `
      import { diag, DiagLogLevel } from '@opentelemetry/api';
      import { createLogger, loadConfig, startService } from ${JSON.stringify(String(new URL('index.js', pathToFileURL(MAIN))))};
      const say = (text) => console.log('host:', text);
      diag.setLogger({ error: say, warn: say, info: say, debug: say, verbose: say }, DiagLogLevel.ALL);
      const set = ['exporters.prometheus.port=0', 'exporters.otlp.endpoint=http://127.0.0.1:${await freePort()}'];
      const log = createLogger('debug', 'json', (line) => console.log('floatie:', line.trim()));
      const service = await startService(loadConfig({ env: {}, set }), log);
      await service.stop();
      diag.info('still here');
    `;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', host], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...ENV },
    });
    const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    assert.deepEqual([code, errors], [0, '']);
    const lines = output.split('\n');
    assert.ok(
      lines.some((line) => line.startsWith('host:') && TRACE.test(line)),
      output,
    );
    assert.ok(lines.includes('host: still here'));
    assert.ok(!lines.some((line) => line.startsWith('floatie:') && line.includes('OpenTelemetry says')));
  });
});
