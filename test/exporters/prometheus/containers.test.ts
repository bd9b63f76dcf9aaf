import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { Clients } from '../../../src/exporters/prometheus/clients.ts';
import { containersWanted } from '../../../src/exporters/prometheus/containers.ts';
import { PrometheusEndpoint } from '../../../src/exporters/prometheus/server.ts';
import { MEMORY_USAGE } from '../../../src/history/columns.ts';
import { History } from '../../../src/history/history.ts';
import type { Containers } from '../../../src/history/schema.ts';
import { Records } from '../../../src/records/records.ts';

const IDS = ['a', 'b', 'c'].map((letter) => letter.repeat(64));

suite('/api/v1/containers', async () => {
  const history = new History();
  history.take(
    IDS.map((id) => {
      const attributes = { 'container.id': id, cgroup: `/docker/${id}`, 'container.name': `web-${id[0]}` };
      const member = { key: id, attributes, startTime: [0, 0] as [number, number], totals: Float64Array.of(4096) };
      return { metric: MEMORY_USAGE, member };
    }),
  );
  await history.endStep();
  const options = { host: '127.0.0.1', port: 0, web: null, clients: new Clients(), onError: () => undefined };
  const answers = { readiness: () => ({ ready: true, probes: [] }), records: new Records([]) };
  const [endpoint, without] = [history, null].map(
    (history) => new PrometheusEndpoint({ ...options, ...answers, history }),
  ) as [PrometheusEndpoint, PrometheusEndpoint];
  for (const each of [endpoint, without]) each.serve(null);
  const [url, urlWithout] = [await endpoint.start(), await without.start()];
  after(() => Promise.all([endpoint.stop(), without.stop()]));

  const ask = (query = '', headers: Record<string, string> = {}) =>
    fetch(new URL(`/api/v1/containers${query}`, url), { headers });
  const idsOf = async (query: string) =>
    ((await (await ask(query)).json()) as Containers).containers.map(({ container_id }) => container_id);

  test('has all containers, one of them, or some', async () => {
    assert.deepEqual((await idsOf('')).toSorted(), IDS);
    assert.deepEqual(await idsOf(`?container=${IDS[1]?.slice(0, 12)}`), [IDS[1]]);
    assert.deepEqual(await idsOf('?container=web-c'), [IDS[2]]);
    assert.deepEqual(await idsOf('?container=nobody'), []);
    assert.equal((await idsOf('?limit=2')).length, 2);
  });

  test('is not sent again until the next step ends', async () => {
    const first = await ask();
    const etag = first.headers.get('etag') ?? '';
    assert.equal((await ask('', { 'if-none-match': etag })).status, 304);
    await history.endStep();
    const next = await ask('', { 'if-none-match': etag });
    assert.equal(next.status, 200);
    assert.notEqual(next.headers.get('etag'), etag);
  });

  test('is made once for all who ask for the same, until the counts are read again', async () => {
    const made = (steps: number) => containersWanted(history, { steps }).make();
    const [now, all] = [made(0), made(30)];
    assert.notEqual(now, all);
    assert.deepEqual([made(0) === now, made(30) === all, made(99) === all], [true, true, true]);
    await history.endSecond();
    assert.notEqual(made(0), now);
  });

  test('says what is wrong with a query', async () => {
    const answer = await ask('?limit=many');
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /^limit must be one whole number from 1 on/);
  });

  test('says when there is no history', async () => {
    const answer = await fetch(new URL('/api/v1/containers', urlWithout));
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /service\.history is false/);
  });
});
