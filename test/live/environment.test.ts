// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references look like these
/** The built program among variables that others have set. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { folder, peer } from '../support/peers.ts';

/** Needs no rights. */
const PRESSURE = ['--set', 'service.pipelines.metrics.receivers=pressure'];

const OTHERS = {
  FLOATIE_METRICS_SERVICE_HOST: '10.0.0.1',
  FLOATIE_METRICS_SERVICE_PORT_HTTP: '9090',
  FLOATIE_METRICS_PORT: 'tcp://10.0.0.1:9090',
  FLOATIE_METRICS_PORT_9090_TCP_ADDR: '10.0.0.1',
  OTEL_RESOURCE_ATTRIBUTES: 'team=50%',
  OTEL_METRIC_EXPORT_INTERVAL: '60s',
  OTEL_EXPORTER_OTLP_COMPRESSION: 'zstd',
};

function floatie(args: readonly string[], env: Readonly<Record<string, string>>) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env });
}

async function collector() {
  const paths: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url);
    request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    paths,
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

suite('variables that are meant for others', () => {
  test('do not keep Floatie from measuring, and those it cannot use are told in the log', async () => {
    await using running = await startFloatie(PRESSURE, { env: OTHERS });
    assert.ok((await running.scrape()).samples.length > 0);
    const told = running.log.filter(({ level }) => level === 'warn').map(({ message }) => message.split(':')[0]);
    assert.deepEqual(told.filter((name) => name?.startsWith('OTEL_')).sort(), [
      'OTEL_EXPORTER_OTLP_COMPRESSION',
      'OTEL_METRIC_EXPORT_INTERVAL',
      'OTEL_RESOURCE_ATTRIBUTES',
    ]);
  });

  for (const command of ['validate', 'print-config']) {
    test(`are warnings of ${command}, which ends well`, () => {
      const { status, stderr } = floatie([command], { ...OTHERS, OTEL_SDK_DISABLED: 'true' });
      assert.deepEqual([status, stderr.match(/^floatie: warning: OTEL_\w+: /gm)?.length], [0, 3]);
    });
  }

  test('are warnings of doctor beside what it finds', () => {
    const { stdout, stderr } = floatie(['doctor', '--json', ...PRESSURE], OTHERS);
    assert.ok(Array.isArray(JSON.parse(stdout)));
    assert.equal(stderr.match(/^floatie: warning: OTEL_\w+: /gm)?.length, 3);
  });

  test('but a variable of Floatie that no setting has ends it', () => {
    const { status, stderr } = floatie(['validate'], { FLOATIE_METRICS_PORT: '9090' });
    assert.deepEqual([status, stderr.startsWith('floatie: FLOATIE_METRICS_PORT: no setting has this')], [2, true]);
  });

  test('but a wrong value in the file, a flag or a variable of Floatie ends it', () => {
    using files = folder({ 'floatie.yaml': 'exporters: { otlp: { interval_ms: 60s } }' });
    const key = 'exporters.otlp.interval_ms';
    assert.equal(floatie(['validate', '--config', `${files.path}/floatie.yaml`], {}).status, 2);
    assert.equal(floatie(['validate', '--set', `${key}=60s`], {}).status, 2);
    assert.equal(floatie(['validate'], { FLOATIE_EXPORTERS_OTLP_INTERVAL_MS: '60s' }).status, 2);
  });
});

suite('OTLP', () => {
  test('goes by the protocol that OTEL_EXPORTER_OTLP_PROTOCOL asks for', async () => {
    await using sink = await collector();
    const env = {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' },
      OTEL_METRIC_EXPORT_INTERVAL: '100',
    };
    await using running = await startFloatie(PRESSURE, { env });
    await eventually('the collector has metrics', () => sink.paths.includes('/v1/metrics'));
    assert.deepEqual(
      running.log.filter(({ level }) => level === 'warn' || level === 'error'),
      [],
    );
  });

  test('goes nowhere else where OTEL_EXPORTER_OTLP_ENDPOINT has no scheme, and the log says so', async () => {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'localhost:1', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
    await using running = await startFloatie(PRESSURE, { env });
    const messages = running.log.map(({ message }) => message);
    assert.ok(messages.some((message) => message.startsWith('OTEL_EXPORTER_OTLP_ENDPOINT: is ignored, and ')));
    assert.equal(running.log.find(({ message }) => message === 'Floatie is measuring')?.otlp, false);
  });
});

test('UV_THREADPOOL_SIZE=1 leaves the thread to those who need it, such as the lookup of a host', async () => {
  await using sink = await collector();
  await using _ = await startFloatie(PRESSURE, {
    env: {
      UV_THREADPOOL_SIZE: '1',
      OTEL_EXPORTER_OTLP_ENDPOINT: sink.endpoint.replace('127.0.0.1', 'localhost'),
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
    },
  });
  await eventually('something is exported', () => sink.paths.length > 0);
});

suite('resource attributes', () => {
  test('that Prometheus would have under one name, or under none, are labels that it takes', async () => {
    const env = { OTEL_RESOURCE_ATTRIBUTES: 'host.name=a,host_name=b,9lives=c,le=d,%C3%A9=e' };
    await using running = await startFloatie(PRESSURE, { env });
    const page = await (await fetch(running.url)).text();
    const { status, stderr } = spawnSync(join(peer('prometheus'), 'promtool'), ['check', 'metrics'], { input: page });
    assert.deepEqual([status, String(stderr)], [0, '']);
    const [info] = (await running.scrape()).select('target_info');
    const { host_name, key_9lives, exported_le, _ } = info?.labels ?? {};
    assert.deepEqual(
      { host_name, key_9lives, exported_le, _ },
      { host_name: 'a;b', key_9lives: 'c', exported_le: 'd', _: 'e' },
    );
    assert.deepEqual(
      running.log.filter(({ level }) => level === 'warn').map(({ message }) => message),
      [
        'service.telemetry.resource: "host.name" and "host_name" are one label in Prometheus, "host_name", with their values behind each other',
      ],
    );
  });
});

suite('a reference to a variable that is not set', () => {
  test('is told when Floatie starts, and by validate', async () => {
    using files = folder({ 'floatie.yaml': 'exporters:\n  otlp:\n    endpoint: ${env:COLLECTR_URL}\n' });
    const config = ['--config', `${files.path}/floatie.yaml`];
    const warning = `${config[1]}:3: exporters.otlp.endpoint: the variable COLLECTR_URL is not set and counts as nothing; `;
    const { status, stderr } = floatie(['validate', ...config], {});
    assert.deepEqual([status, stderr.startsWith(`floatie: warning: ${warning}`)], [0, true]);
    await using running = await startFloatie([...PRESSURE, ...config]);
    assert.ok(running.log.some(({ level, message }) => level === 'warn' && message.startsWith(warning)));
  });
});
