/** Who sees names of files and numbers of processes in records and exemplars. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';
import { Collection } from '../../../src/exporters/prometheus/collection.ts';
import type { ScrapedHistogram } from '../../../src/exporters/prometheus/formats/exemplars.ts';
import type { Scrapes } from '../../../src/exporters/prometheus/scrapes.ts';
import { PrometheusEndpoint } from '../../../src/exporters/prometheus/server.ts';
import { Web } from '../../../src/exporters/prometheus/web.ts';
import { createLogger } from '../../../src/program/log.ts';
import { SLOW_OPERATION, type SlowRecord } from '../../../src/receivers/overlayfs/slow-schema.ts';
import { Records } from '../../../src/records/records.ts';
import { collection, exemplar, histogram } from '../../support/metric-data.ts';
import { folder } from '../../support/peers.ts';
import '../../support/unwatched-workers.ts';

const RECORD = {
  schema: SLOW_OPERATION,
  values: {
    ...{ time: '2026-01-02T03:04:05.678Z', op: 'read', duration_us: 200_000, comm: 'cat', cgroup: '/app' },
    ...{ path: '/etc/secret', deleted: false, pid: 1, tgid: 1, ns_pid: 1, uid: 0 },
  },
} as const satisfies SlowRecord;

const HISTOGRAM: ScrapedHistogram = {
  ...{ sum: 3, count: 1, buckets: { boundaries: [1], counts: [0, 1] } },
  exemplars: [exemplar(3)],
};

interface Told {
  /** The names of the record's fields. */
  readonly fields: string[];
  /** The labels of the exemplar. */
  readonly exemplar: string | undefined;
}

/** @returns what an endpoint tells */
async function told(host: string, web: string | null, headers: Record<string, string> = {}): Promise<Told> {
  using home = folder({ 'web.yml': web ?? '' });
  const log = createLogger('error', 'json');
  const records = new Records([SLOW_OPERATION]);
  records.add(RECORD);
  const endpoint = new PrometheusEndpoint({
    ...{ host, port: 0, records },
    web: web === null ? null : new Web(join(home.path, 'web.yml'), log),
    clients: new Clients({ onDrop: () => undefined }),
    readiness: () => ({ ready: true, probes: [] }),
    onError: (error) => assert.fail(String(error)),
  });
  const collected = new Collection(collection([histogram('latency_us', [{ value: HISTOGRAM }])]));
  endpoint.serve({
    timeoutMs: 1000,
    collection: async () => collected,
    settle: async () => undefined,
  } as unknown as Scrapes);
  const url = new URL(await endpoint.start());
  try {
    const response = await fetch(`http://127.0.0.1:${url.port}/slow`, { headers });
    const { records: all } = (await response.json()) as { readonly records: readonly object[] };
    const accept = 'application/openmetrics-text';
    const page = await (
      await fetch(`http://127.0.0.1:${url.port}/metrics`, { headers: { ...headers, accept } })
    ).text();
    return { fields: Object.keys(all[0] ?? {}), exemplar: /# \{(.*)\}/.exec(page)?.[1] };
  } finally {
    await endpoint.stop();
  }
}

const WHOLE: Told = {
  fields: Object.keys(SLOW_OPERATION.fields).filter((name) => Object.hasOwn(RECORD.values, name)),
  exemplar: 'path="/file-3",cause="device"',
};
const PUBLIC: Told = { fields: ['time', 'op', 'duration_us', 'comm', 'cgroup'], exemplar: 'cause="device"' };

suite('records of slow operations, and exemplars', () => {
  test('are whole on loopback', async () => {
    assert.deepEqual(await told('127.0.0.1', null), WHOLE);
  });

  test('have neither paths nor numbers where other machines reach the port', async () => {
    assert.deepEqual(await told('0.0.0.0', null), PUBLIC);
    assert.deepEqual(await told('0.0.0.0', 'http_server_config: {headers: {X-Frame-Options: deny}}'), PUBLIC);
  });

  test('are whole where a password is asked for', async () => {
    const users = `basic_auth_users: {alice: ${bcrypt.hashSync('secret', 4)}}`;
    const authorization = `Basic ${Buffer.from('alice:secret').toString('base64')}`;
    assert.deepEqual(await told('0.0.0.0', users, { authorization }), WHOLE);
  });
});
