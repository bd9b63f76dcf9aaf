/** A real Floatie, real collectors and the proxies that the environment names. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createCollector } from '../support/collector.ts';
import { runDoctor } from '../support/doctor.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { BEHIND_PROXY, startProxy } from '../support/proxy.ts';
import { missing } from '../support/requirements.ts';

function settingsFor(endpoint: string, httpEndpoint: string): string[] {
  const pairs = [
    'service.pipelines.metrics.exporters=prometheus,otlp,otlphttp',
    `exporters.otlp.endpoint=${endpoint}`,
    `exporters.otlphttp.endpoint=${httpEndpoint}`,
    ...['otlp', 'otlphttp'].flatMap((name) => [
      `exporters.${name}.interval_ms=500`,
      `exporters.${name}.timeout_ms=500`,
    ]),
  ];
  return pairs.flatMap((pair) => ['--set', pair]);
}

async function checksOf(args: readonly string[], env: Record<string, string>): Promise<Record<string, string>> {
  const { checks } = await runDoctor(['--set', 'exporters.prometheus.port=0', ...args], { env });
  return Object.fromEntries(checks.map(({ name, verdict, reason }) => [name, `${verdict}: ${reason}`]));
}

suite('OTLP where the environment names a proxy', { skip: missing('root', 'btf') }, () => {
  test('goes to this machine without it, and so does doctor', { timeout: 300_000 }, async () => {
    await using collector = await createCollector(); // which may have to be built
    await collector.start();
    await using proxy = await startProxy(403);
    const env = { http_proxy: `http://${proxy.host}`, https_proxy: `http://${proxy.host}` };
    const settings = settingsFor(collector.endpoint, collector.httpEndpoint);
    await using floatie = await startFloatie(settings, { env });
    await eventually('two exports by each have arrived', async () => {
      const metrics = await floatie.scrape();
      return ['otlp', 'otlphttp'].every(
        (exporter) => metrics.sum('floatie_otlp_exports_total', { exporter, outcome: 'success' }) >= 2,
      );
    });
    const checks = await checksOf(settings, env);
    for (const name of ['exporters.otlp', 'exporters.otlphttp'])
      assert.match(checks[name] ?? '', /^ok: 127\.0\.0\.1:\d+ accepts/);
    assert.deepEqual(proxy.asked, []);
    assert.equal(await floatie.stop(), 0);
  });

  test('goes elsewhere through it, and so does doctor, and nobody shows its password', {
    timeout: 300_000,
  }, async () => {
    await using collector = await createCollector();
    await collector.start();
    await using proxy = await startProxy();
    const env = { HTTP_PROXY: `http://me:secret@${proxy.host}` };
    const [endpoint, httpEndpoint] = [collector.endpoint, collector.httpEndpoint].map((url) =>
      url.replace('127.0.0.1', BEHIND_PROXY),
    );
    const settings = settingsFor(endpoint ?? '', httpEndpoint ?? '');
    await using floatie = await startFloatie([...settings, '--set', 'service.telemetry.log_level=debug'], { env });
    await eventually('two exports by each have arrived', async () => {
      const metrics = await floatie.scrape();
      return ['otlp', 'otlphttp'].every(
        (exporter) => metrics.sum('floatie_otlp_exports_total', { exporter, outcome: 'success' }) >= 2,
      );
    });
    const checks = await checksOf(settings, env);
    for (const name of ['exporters.otlp', 'exporters.otlphttp']) {
      assert.match(
        checks[name] ?? '',
        /^ok: collector\.test:\d+ through the proxy http:\/\/127\.0\.0\.1:\d+ \(HTTP_PROXY\) accepts/,
      );
    }
    assert.ok(!JSON.stringify([checks, floatie.log]).includes('secret'));
    assert.equal(await floatie.stop(), 0);
  });

  test('and the proxy refuses: log and doctor say so, each in its words', async () => {
    await using proxy = await startProxy(403);
    const env = { HTTP_PROXY: `http://${proxy.host}` };
    const settings = settingsFor(`http://${BEHIND_PROXY}:4317`, `http://${BEHIND_PROXY}:4318`);
    await using floatie = await startFloatie(settings, { env });
    const lines = await eventually('both have failed', () => {
      const lines = floatie.log.filter(({ level }) => level === 'error').map(({ message }) => message);
      return lines.length >= 3 && lines;
    });
    const by = `through the proxy http://${proxy.host} (HTTP_PROXY)`;
    assert.ok(
      lines.some((line) => line.startsWith(`Cannot export by otlp: http://${BEHIND_PROXY}:4317 ${by}: 14 UNAVAILABLE`)),
    );
    assert.ok(
      lines.includes(`Cannot export by otlphttp: http://${BEHIND_PROXY}:4318/v1/metrics ${by} answers 403 Forbidden`),
    );
    // What gRPC itself says of it has the reason.
    assert.ok(lines.some((line) => /^OpenTelemetry says gRPC: Failed to connect .* with status 403$/.test(line)));
    assert.ok(lines.every((line) => !line.includes('undefined')));
    assert.match(
      (await checksOf(settings, env))['exporters.otlp'] ?? '',
      /^warn: .* accepts no connection: the proxy answers 403$/,
    );
  });
});
