/** What an endpoint answers to exports is counted and logged for what it is, and no record of an OOM kill is lost to it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { createCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { type LogLine, startFloatie } from '../support/floatie.ts';
import { hog, limit } from '../support/oom.ts';
import { type Answer, type OtlpSink, startGrpcSink, startHttpSink } from '../support/otlp-sink.ts';
import { framed, partialSuccess, statusWithDelay } from '../support/protobuf.ts';
import { missing } from '../support/requirements.ts';

type Exporter = 'otlp' | 'otlphttp';

interface Row {
  readonly name: string;
  readonly answers: Readonly<Record<Exporter, Answer>>;
  readonly outcome: 'partial' | 'failure';
  /** What the log says of it, after the exporter's name. */
  readonly log: Readonly<Record<Exporter, RegExp>>;
}

const PAGE = '<!DOCTYPE html><html><head><title>Please\nsign in</title></head></html>';
const HTML = { 'content-type': 'text/html; charset=utf-8' };
const GRPC = { 'content-type': 'application/grpc' };
const PROTOBUF = { 'content-type': 'application/x-protobuf' };
const PARTIAL = partialSuccess(5, 'out of\norder');

const ROWS: readonly Row[] = [
  {
    name: 'a partial success',
    answers: {
      otlp: { status: 200, headers: GRPC, body: framed(PARTIAL), trailers: { 'grpc-status': '0' } },
      otlphttp: { status: 200, headers: PROTOBUF, body: PARTIAL },
    },
    outcome: 'partial',
    log: { otlp: /rejects data: out of order$/, otlphttp: /rejects data: out of order$/ },
  },
  {
    name: 'a web page with status 200',
    answers: {
      otlp: { status: 200, headers: HTML, body: PAGE },
      otlphttp: { status: 200, headers: HTML, body: PAGE },
    },
    outcome: 'failure',
    log: {
      otlp: /http:\/\/127\.0\.0\.1:\d+: .*/,
      otlphttp: /\/v1\/metrics answers what is no OTLP: a web page with the title "Please sign in"$/,
    },
  },
  {
    name: 'a redirection',
    answers: {
      otlp: { status: 307, headers: { location: 'https://elsewhere.example' } },
      otlphttp: { status: 307, headers: { location: 'https://elsewhere.example/v1/metrics?token=secret' } },
    },
    outcome: 'failure',
    log: {
      otlp: /HTTP status code 307/,
      otlphttp:
        /\/v1\/metrics answers 307 Temporary Redirect to https:\/\/elsewhere\.example\/v1\/metrics\?…, where it is not sent$/,
    },
  },
  {
    name: 'a request that is too large',
    answers: {
      otlp: { status: 413 },
      otlphttp: { status: 413, headers: { 'content-type': 'text/plain' }, body: 'at most 1 kB\n' },
    },
    outcome: 'failure',
    log: { otlp: /HTTP status code 413/, otlphttp: /\/v1\/metrics answers 413 Payload Too Large: at most 1 kB$/ },
  },
  {
    name: 'too many requests, and when to come again',
    answers: {
      otlp: {
        status: 200,
        headers: GRPC,
        trailers: { 'grpc-status': '8', 'grpc-status-details-bin': statusWithDelay(2).toString('base64') },
      },
      otlphttp: { status: 429, headers: { 'retry-after': '2' } },
    },
    outcome: 'failure',
    log: {
      otlp: /RESOURCE_EXHAUSTED/,
      otlphttp: /\/v1\/metrics answers 429 Too Many Requests, and asks for a delay of 2 s$/,
    },
  },
];

suite('an endpoint that answers', { skip: missing('root', 'btf') }, () => {
  test('what is no success is told, counted and survived', { timeout: 300_000 }, async (context) => {
    await using collector = await createCollector(); // which may have to be built
    await collector.start();
    await using grpc = await startGrpcSink(collector.endpoint);
    await using http = await startHttpSink(collector.httpEndpoint);
    const sinks: Readonly<Record<Exporter, OtlpSink>> = { otlp: grpc, otlphttp: http };
    const exporters = Object.keys(sinks) as Exporter[];
    const settings = exporters.flatMap((exporter) => [
      // Records of slow operations and of other SIGKILLs would wait, too.
      'service.pipelines.metrics.receivers=oom,pressure',
      `exporters.${exporter}.endpoint=${sinks[exporter].endpoint}`,
      `exporters.${exporter}.interval_ms=700`,
      `exporters.${exporter}.timeout_ms=700`,
    ]);
    await using floatie = await startFloatie(
      ['service.pipelines.metrics.exporters=prometheus,otlp,otlphttp', ...settings].flatMap((pair) => ['--set', pair]),
    );
    const count = async (name: string, labels: Record<string, string>): Promise<number> =>
      (await floatie.scrape()).sum(`floatie_otlp_${name}`, labels);
    const linesOf = (exporter: Exporter): LogLine[] =>
      floatie.log.filter(({ message }) => new RegExp(`\\b${exporter}( |:)`).test(message));
    /** Lets exports through, until one has arrived by each. */
    const recovered = async (): Promise<void> => {
      for (const exporter of exporters) {
        sinks[exporter].answer = null;
        const before = await count('exports_total', { exporter, outcome: 'success' });
        await eventually(
          `${exporter} exports again`,
          async () => (await count('exports_total', { exporter, outcome: 'success' })) > before,
        );
      }
    };
    await recovered();

    for (const { name, answers, outcome, log } of ROWS) {
      await context.test(`${name} is what it is`, async () => {
        for (const exporter of exporters) {
          const told = linesOf(exporter).length;
          const counted = await count('exports_total', { exporter, outcome });
          const { length } = sinks[exporter].answered;
          sinks[exporter].answer = answers[exporter];
          await eventually(
            `${name} is counted for ${exporter}`,
            async () => (await count('exports_total', { exporter, outcome })) > counted,
          );
          assert.ok(sinks[exporter].answered.length > length);
          const lines = await eventually(`the log tells ${exporter}'s`, () => {
            const lines = linesOf(exporter).slice(told);
            return lines.length > 0 && lines;
          });
          assert.match(lines[0]?.message ?? '', log[exporter]);
          assert.equal(lines[0]?.level, outcome === 'partial' ? 'warn' : 'error');
          assert.ok(!JSON.stringify(lines).includes('secret'));
        }
        await recovered();
      });
    }

    await context.test('rejects data is counted by how much', async () => {
      for (const exporter of exporters) {
        const rejected = await count('rejected_total', { exporter });
        assert.equal(rejected, 5 * (await count('exports_total', { exporter, outcome: 'partial' })));
      }
    });

    await context.test('a web page to the record of an OOM kill does not get rid of it', async () => {
      for (const exporter of exporters) sinks[exporter].answer = ROWS[1]?.answers[exporter] ?? null;
      await using cgroup = createCgroup('answers');
      limit(cgroup, 32);
      await once(hog(cgroup, 'answers', 100), 'exit');
      for (const exporter of exporters) {
        const labels = { exporter: `${exporter}_logs`, outcome: 'failure' };
        await eventually(`${exporter} was tried`, async () => (await count('exports_total', labels)) > 0);
        assert.equal(await count('queue_length', { exporter: `${exporter}_logs` }), 1);
      }
      await recovered();
      await eventually('the record has arrived by both', () => collector.logRecords().length === 2);
    });

    await context.test('that a record is rejected loses it, which is counted', async () => {
      for (const exporter of exporters) sinks[exporter].answer = ROWS[0]?.answers[exporter] ?? null;
      await using cgroup = createCgroup('answers');
      limit(cgroup, 32);
      await once(hog(cgroup, 'answers', 100), 'exit');
      for (const exporter of exporters.map((name) => `${name}_logs`)) {
        await eventually(`${exporter} lost one`, async () => (await count('dropped_total', { exporter })) === 1);
        assert.equal(await count('rejected_total', { exporter }), 1);
        assert.ok(
          floatie.log.some(({ message }) => message === `The endpoint of ${exporter} rejects data: out of order`),
        );
      }
    });
    assert.equal(await floatie.stop(), 0);
  });
});
