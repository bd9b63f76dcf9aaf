/** A real Floatie exports to a real OpenTelemetry Collector over TLS. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { createAuthority } from '../support/certificates.ts';
import { createCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { missing } from '../support/requirements.ts';

const set = (settings: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(settings).flatMap(([key, value]) => ['--set', `exporters.otlp.${key}=${value}`]);
const FAST = { interval_ms: 500, timeout_ms: 2000 };

suite('OTLP over TLS', { skip: missing('root', 'btf') }, () => {
  test('arrives where both sides show certificates of an authority that the other trusts', async () => {
    using authority = createAuthority();
    const [server, client] = [authority.issue('server'), authority.issue('client')];
    const tls = { cert_file: server.cert, key_file: server.key, client_ca_file: authority.cert };
    await using collector = await createCollector(tls);
    await collector.start();
    const files = { 'tls.ca_file': authority.cert, 'tls.cert_file': client.cert, 'tls.key_file': client.key };
    await using floatie = await startFloatie(set({ endpoint: collector.endpoint, ...FAST, ...files }));
    await eventually('an export has arrived', () => collector.exports().length > 0);
    assert.equal(await floatie.stop(), 0);
  });

  test('does not go to a collector of another authority, and one line says why', async () => {
    using authority = createAuthority();
    using other = createAuthority();
    const server = other.issue('server');
    await using collector = await createCollector({ cert_file: server.cert, key_file: server.key });
    await collector.start();
    await using floatie = await startFloatie(
      set({ endpoint: collector.endpoint, ...FAST, 'tls.ca_file': authority.cert }),
    );
    const errors = () => floatie.log.filter(({ level }) => level === 'error');
    const failures = async () =>
      (await floatie.scrape()).sum('floatie_otlp_exports_total', { exporter: 'otlp', outcome: 'failure' });
    await eventually('three exports have failed', async () => (await failures()) >= 3);
    assert.equal(errors().length, 1);
    assert.match(errors()[0]?.message ?? '', /^Cannot export by otlp: .*certificate/);
    assert.equal(collector.exports().length, 0);
  });
});
