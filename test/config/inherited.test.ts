import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Env } from '../../src/config/environment.ts';
import { exportersOf, isOn } from '../../src/config/exporters.ts';
import { inheritedFrom } from '../../src/config/inherited.ts';
import { loadConfig } from '../../src/config/load.ts';
import { redact } from '../../src/config/redact.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:4317' };

/** The files that read variables, each with its reason. */
const READERS = {
  'commands/run.ts': "what systemd hands over to this process, and is taken out of its children's environment",
  'config/load.ts': 'the configuration of a program that gives loadConfig no environment',
  'main.ts': 'the configuration of floatie',
  'program/log-lines.ts': 'whether whoever reads the terminal wants colours: NO_COLOR and TERM',
  'program/no-debugger.ts': 'what Node itself was told before anything of Floatie ran',
  'program/packaged.ts': 'where the single executable unpacks libbpf, as TMPDIR is for os.tmpdir()',
};

function isOtlpOn(env: Env, signal: 'metrics' | 'logs', ...set: string[]): boolean {
  const config = loadConfig({ env, set });
  return exportersOf(config, 'otlp').some(({ settings }) => isOn(settings, 'otlp', signal, config.inherited));
}

suite('variables', () => {
  test('are read by the configuration, and nowhere else but for a reason', () => {
    const files = globSync('**/*.ts', { cwd: SRC });
    const readers = files.filter((file) => /\bprocess\.env\b/.test(readFileSync(join(SRC, file), 'utf8')));
    assert.deepEqual(readers.sort(), Object.keys(READERS).sort());
  });

  test('that are none are inherited from an empty environment', () => {
    const config = loadConfig({ env: {} });
    assert.deepEqual(config.inherited, inheritedFrom({}));
  });

  test('are not shown with the settings', () => {
    const config = loadConfig({ env: { ...ENDPOINT, http_proxy: 'http://me:secret@p:1' } });
    assert.deepEqual(redact(config), redact(loadConfig({ env: {} })));
  });
});

suite('OTLP', () => {
  test('is off without an endpoint', () => assert.ok(!isOtlpOn({}, 'metrics')));

  test('is on with an endpoint of its own', () => {
    assert.ok(isOtlpOn({}, 'metrics', 'exporters.otlp.endpoint=http://a:4317'));
  });

  test('is on with an endpoint that a variable names', () => assert.ok(isOtlpOn(ENDPOINT, 'logs')));

  test('is on for the one signal whose endpoint a variable names', () => {
    const env = { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'http://a:4317' };
    assert.deepEqual([isOtlpOn(env, 'logs'), isOtlpOn(env, 'metrics')], [true, false]);
  });

  test('is off where the variable names nothing that it can use', () => {
    assert.ok(!isOtlpOn({ OTEL_EXPORTER_OTLP_ENDPOINT: 'ftp://a' }, 'metrics'));
  });
});

suite('the certificates that variables name', () => {
  test('are those of the signal, else those of all, with their case', () => {
    const { otlp } = inheritedFrom({
      OTEL_EXPORTER_OTLP_CERTIFICATE: '/All.pem',
      OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE: '/Metrics.pem',
      OTEL_EXPORTER_OTLP_CLIENT_KEY: ' /Key.pem ',
    });
    assert.deepEqual(otlp.metrics.tls, { ca_file: '/Metrics.pem', cert_file: '', key_file: '/Key.pem' });
    assert.equal(otlp.logs.tls.ca_file, '/All.pem');
  });
});
