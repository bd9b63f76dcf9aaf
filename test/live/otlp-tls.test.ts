/** A real Floatie exports to a real OpenTelemetry Collector over TLS. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type Certificate, createAuthority } from '../support/certificates.ts';
import { createCgroup } from '../support/cgroup.ts';
import { createCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { hog, limit } from '../support/oom.ts';
import { type OtlpPeer, startOtlpPeer } from '../support/otlp-peer.ts';
import { folder } from '../support/peers.ts';
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
    // Records, such as those of SIGKILLs, would fail with a line of their own.
    const receivers = ['--set', 'service.pipelines.metrics.receivers=pressure'];
    await using floatie = await startFloatie([
      ...set({ endpoint: collector.endpoint, ...FAST, 'tls.ca_file': authority.cert }),
      ...receivers,
    ]);
    const errors = () => floatie.log.filter(({ level }) => level === 'error');
    const failures = async () =>
      (await floatie.scrape()).sum('floatie_otlp_exports_total', { exporter: 'otlp', outcome: 'failure' });
    await eventually('three exports have failed', async () => (await failures()) >= 3);
    assert.equal(errors().length, 1);
    assert.match(errors()[0]?.message ?? '', /^Cannot export by otlp: .*certificate/);
    assert.equal(collector.exports().length, 0);
  });

  test('shows a certificate that is renewed on disk from the next export on, and none that is half written', async () => {
    using authority = createAuthority();
    using other = createAuthority();
    const tls = { server: authority.issue('server'), clients: authority };
    await using grpc = await startOtlpPeer('grpc', { tls });
    await using http = await startOtlpPeer('http', { tls });
    const [wrong, first, second] = [other.issue('wrong'), authority.issue('first'), authority.issue('second')];
    using home = folder();
    const files = { cert: join(home.path, 'client.crt'), key: join(home.path, 'client.key') };
    const show = ({ cert, key }: Certificate): void => {
      copyFileSync(key, files.key);
      copyFileSync(cert, files.cert);
    };
    show(wrong);
    const peers = { otlp: grpc, otlphttp: http };
    const settings = Object.entries(peers).flatMap(([name, peer]) =>
      [
        ...[`endpoint=${peer.url}`, 'interval_ms=300', 'timeout_ms=300', `tls.ca_file=${authority.cert}`],
        ...[`tls.cert_file=${files.cert}`, `tls.key_file=${files.key}`],
      ].map((pair) => `exporters.${name}.${pair}`),
    );
    const exporters = 'service.pipelines.metrics.exporters=prometheus,otlp,otlphttp';
    // Records of slow operations and of other SIGKILLs would wait, too.
    const receivers = 'service.pipelines.metrics.receivers=oom,pressure';
    await using floatie = await startFloatie([exporters, receivers, ...settings].flatMap((pair) => ['--set', pair]));
    const log = (text: string): boolean => floatie.log.some(({ message }) => message.includes(text));
    const clients = (peer: OtlpPeer, path: RegExp): (string | undefined)[] =>
      peer.requests.filter((request) => path.test(request.path ?? '')).map(({ client }) => client);
    const METRICS = /metrics/i;
    const LOGS = /logs/i;

    // A record of an OOM kill waits meanwhile.
    await using cgroup = createCgroup('renewal');
    limit(cgroup, 32);
    await once(hog(cgroup, 'renewal', 100), 'exit');
    for (const name of Object.keys(peers)) {
      await eventually(
        `${name} was refused`,
        () => log(`Cannot export by ${name}: `) && log(`Cannot export by ${name}_logs: `),
      );
      assert.equal((await floatie.scrape()).sum('floatie_otlp_queue_length', { exporter: `${name}_logs` }), 1);
    }
    assert.deepEqual([...grpc.requests, ...http.requests], []);

    show(first);
    for (const [name, peer] of Object.entries(peers)) {
      await eventually(`${name} is taken with the first`, () => clients(peer, METRICS).includes('first'));
      await eventually(`the record of ${name} arrives`, () => clients(peer, LOGS).length > 0);
      assert.ok(log(`Using the renewed certificates of ${name}`));
    }

    const whole = readFileSync(second.cert);
    writeFileSync(files.cert, whole.subarray(0, whole.length / 2));
    for (const [name, peer] of Object.entries(peers)) {
      await eventually(`the half of ${name}'s is told`, () =>
        log(`Cannot use the renewed certificates of ${name}, and keep`),
      );
      const { length } = clients(peer, METRICS);
      await eventually(`${name} shows the first still`, () => clients(peer, METRICS).length > length + 1);
      assert.equal(clients(peer, METRICS).at(-1), 'first');
    }
    // Whole, but for the other key: as when of two files one is written first.
    writeFileSync(files.cert, whole);
    for (const [name, peer] of Object.entries(peers)) {
      const { length } = clients(peer, METRICS);
      await eventually(`${name} shows the first still`, () => clients(peer, METRICS).length > length + 1);
      assert.equal(clients(peer, METRICS).at(-1), 'first');
    }
    copyFileSync(second.key, files.key);
    for (const [name, peer] of Object.entries(peers)) {
      await eventually(`${name} shows the second`, () => clients(peer, METRICS).at(-1) === 'second');
      assert.equal(clients(peer, LOGS).length, 1);
      assert.equal((await floatie.scrape()).sum('floatie_otlp_dropped_total', { exporter: `${name}_logs` }), 0);
    }
    assert.ok(!JSON.stringify(floatie.log).includes('PRIVATE KEY'));
    assert.equal(await floatie.stop(), 0);
  });
});
