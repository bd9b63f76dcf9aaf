/**
 * Pages and batches with random attributes, names and bytes that Floatie accepts: Prometheus must accept every page,
 * and a collector every batch.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { attributeActions } from '../../src/config/processors.ts';
import type { Config } from '../../src/config/schema.ts';
import { viewOptions } from '../../src/config/view-options.ts';
import { attributesOf } from '../../src/containers/attributes.ts';
import { identify } from '../../src/containers/identity.ts';
import { OVERFLOW } from '../../src/metrics/attributes.ts';
import type { Metric } from '../../src/metrics/catalogue.ts';
import { MetricRegistry, type Sample } from '../../src/metrics/registry.ts';
import { Health } from '../../src/program/health.ts';
import { decodeComm } from '../../src/receivers/comm.ts';
import { allMetrics } from '../../src/receivers/index.ts';
import { Exporting } from '../../src/service/exporting.ts';
import { plainText } from './collections.ts';
import { createCollector } from './collector.ts';
import { folder, peer } from './peers.ts';
import { createRandom } from './random.ts';
import { oomRecord } from './records.ts';

const BOUNDS_US = [1, 10, 100];
const GRID = { gridNs: BOUNDS_US.map((us) => us * 1000), defaultBounds: BOUNDS_US };
/** How many pages promtool checks at a time. */
const BATCH = 100;

/** Ordinary and malicious names. */
const NAMES = [
  ...[
    'host.name',
    'host_name',
    'host-name',
    'Host.Name',
    'service.name',
    'service_name',
    'k8s.pod.uid',
    'cgroup',
    'op',
  ],
  ...[
    'container.id',
    'container_id',
    'scope',
    'victim_comm',
    'le',
    'quantile',
    'job',
    'instance',
    '__name__',
    '__proto__',
  ],
  ...[
    'constructor',
    'otel.metric.overflow',
    'otel_metric_overflow',
    '9lives',
    '_',
    '__',
    '.',
    'größe',
    '容器',
    'a b',
    'a\n b',
  ],
];
const TEXTS = [
  ...[
    '',
    'x',
    '50%',
    'a=b,c',
    '"',
    '\\',
    '\\n',
    '\n',
    '\r\n',
    '\t',
    '\0',
    '{}',
    '# HELP x y',
    'é',
    '🐙',
    '\u2028',
    '\ufeff',
  ],
  ...['\ud800', '\udc00x', '\uffff', '\x1b[31m', 'NaN', 'a'.repeat(5000)],
];
const SUFFIXES = ['', '', '_count', '_sum', '_bucket', '_total', '_info', '_created'];

class Writer {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  /** A configuration that may be invalid. */
  config(): { yaml: string; env: Record<string, string> } {
    const resource = this.#some(4, () => [this.#name(), this.#text()]);
    const attributes = this.#some(4, () => `${this.#encoded(this.#name())}=${this.#encoded(this.#text())}`);
    return {
      yaml: JSON.stringify({
        views: this.#some(3, () => this.#view()),
        processors: { 'attributes/random': { actions: [this.#action(), ...this.#some(2, () => this.#action())] } },
        service: {
          pipelines: { metrics: { processors: this.#one(true, false) ? ['attributes/random'] : [] } },
          telemetry: { resource: Object.fromEntries(resource) },
        },
      }),
      env: { OTEL_RESOURCE_ATTRIBUTES: attributes.join(',') },
    };
  }

  *samples(metrics: readonly Metric[]): Generator<Sample> {
    const owners = this.#some(4, () => attributesOf(identify(`/${this.#cgroup()}`)));
    for (const metric of metrics) {
      for (const [index, owner] of [...owners, OVERFLOW].entries()) {
        const own = metric.attributes.map(({ name }) => name).filter((name) => !/[.]|^cgroup$/.test(name));
        const isOwned = metric.attributes.some(({ name }) => name === 'cgroup');
        const attributes = { ...Object.fromEntries(own.map((name) => [name, this.comm()])), ...(isOwned && owner) };
        const totals = metric.kind === 'histogram' ? [1500, 1, 0, 1, 0] : [this.#random() * 1e12];
        yield { metric, member: { key: `${index}`, attributes, startTime: [1, 0], totals } };
      }
    }
  }

  comm(): string {
    return decodeComm(this.#bytes(16));
  }

  /** The name of a cgroup's folder: any bytes but NUL and slash. */
  #cgroup(): string {
    const id = Buffer.from(this.#bytes(32)).toString('hex');
    return this.#one(
      ...[`kubepods/pod${id}`, `docker/${id}`, `libpod-${id}.scope`, `lxc.payload.${this.#text()}`, `a\\x2d${id}`],
      ...[
        `machine-${'\\x2d\\xc3\\xa4\\xff'}.scope`,
        Buffer.from(this.#bytes(40)).toString('utf8').replace(/[/\0]/g, '_'),
      ],
    );
  }

  #view() {
    const metric = this.#one(...allMetrics);
    const [name, description, included] = [this.#metricName(), this.#text(), this.#some(3, () => this.#name())];
    return {
      selector: { instrument_name: metric.name },
      stream: {
        name,
        ...(description.trim() !== '' && { description }),
        ...(this.#random() < 0.3 && { attribute_keys: { included: [...included, 'cgroup'] } }),
      },
    };
  }

  #metricName(): string {
    const letters = 'abcXYZ_09';
    const random = `${this.#one('m', '_', 'M')}${this.#some(12, () => this.#one(...letters)).join('')}`;
    return `${this.#one(random, random, this.#one(...allMetrics).name)}${this.#one(...SUFFIXES)}`;
  }

  #action() {
    const action = this.#one('insert', 'upsert', 'update', 'delete');
    const from = this.#one({ value: this.#text() }, { from_attribute: this.#name() });
    return { key: this.#name(), action, ...(action !== 'delete' && from) };
  }

  #name(): string {
    return this.#random() < 0.8 ? this.#one(...NAMES) : this.#text();
  }

  #text(): string {
    return this.#random() < 0.7 ? this.#one(...TEXTS) : Buffer.from(this.#bytes(12)).toString('utf8');
  }

  /** A text in a variable's encoding. */
  #encoded(text: string): string {
    return encodeURIComponent(text.toWellFormed());
  }

  #bytes(most: number): Uint8Array {
    return Uint8Array.from(this.#some(most, () => Math.floor(this.#random() * 256)));
  }

  #one<T>(...choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)] as T;
  }

  #some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: Math.floor(this.#random() * (most + 1)) }, make);
  }
}

/** promtool's complaints about style, which Prometheus accepts. */
const STYLE =
  /abbreviated unit|use base unit|camelCase|snake_case|metric name should not include type|should not have "_(total|count|sum|bucket)" suffix/;

/** promtool's complaints about pages, without those about style. */
function complaintsAbout(pages: readonly string[]): string[] {
  // One page of all pages: valid names get the page's number in front.
  const text = pages
    .map((page, index) => page.replace(/^(# (?:HELP|TYPE|UNIT) )?(?=[A-Za-z_:])/gm, `$1p${index}_`))
    .join('');
  const { stdout, stderr } = spawnSync(join(peer('prometheus'), 'promtool'), ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return (stdout + stderr).split('\n').filter((line) => line !== '' && !STYLE.test(line));
}

/** The next valid configuration of the seed. */
function nextConfig(
  writer: Writer,
  file: string,
  set: readonly string[],
): { config: Config; env: Record<string, string> } {
  for (;;) {
    const { yaml, env } = writer.config();
    writeFileSync(file, yaml);
    try {
      return { config: loadConfig({ file, env, set }), env };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
    }
  }
}

export function testPages(count: number): void {
  suite(`${count} random configurations, cgroups and names of processes`, () => {
    test('are pages that Prometheus takes, and batches that a collector takes', async () => {
      using files = folder();
      await using collector = await createCollector(undefined, 'basic');
      await collector.start();
      const pages: string[] = [];
      const failures: string[] = [];
      const check = (): void => {
        const from = pages.length;
        failures.push(...complaintsAbout(pages.splice(0)).map((line) => `of ${from} pages: ${line}`));
      };
      for (let seed = 0; seed < count; seed++) {
        const writer = new Writer(seed);
        const [type, endpoint] = seed % 2 === 0 ? ['otlp', collector.endpoint] : ['otlphttp', collector.httpEndpoint];
        const set = [
          ...[`exporters.${type}.endpoint=${endpoint}`, `exporters.${type}.interval_ms=3600000`],
          `service.pipelines.metrics.exporters=prometheus,${type}`,
        ];
        const { config } = nextConfig(writer, join(files.path, 'floatie.yaml'), set);
        const log: string[] = [];
        const tell = (message: string, fields?: object): void => void log.push(`${message} ${JSON.stringify(fields)}`);
        const health = new Health({ debug: tell, info: tell, warn: tell, error: tell });
        const registry = new MetricRegistry(viewOptions(config.views, attributeActions(config)));
        const samples = [...writer.samples(allMetrics)];
        registry.addSource({ metrics: allMetrics, read: () => samples }, GRID);
        const exporting = await Exporting.create(config, new Map(), registry, health);
        exporting.begin(null);
        exporting.push();
        const scrapes = exporting.scrapes.get('prometheus');
        assert.ok(scrapes !== undefined);
        pages.push(`${await plainText(await scrapes.collection())}\n`);
        const kill = oomRecord({
          ...{ scope: 'memcg', cgroup: String(samples[0]?.member.attributes.cgroup) },
          ...{ 'victim.comm': writer.comm(), 'victim.tgid': 1, 'trigger.comm': writer.comm() },
        });
        exporting.emit(kill);
        // Stopping exports both once more.
        await exporting.stop();
        const outcomes = Object.fromEntries(health.exports());
        const isTaken = ({ success, failure }: { success: number; failure: number }) => success === 1 && failure === 0;
        if (!Object.values(outcomes).every(isTaken) || Object.keys(outcomes).length !== 2) {
          failures.push(`seed ${seed}: ${JSON.stringify(outcomes)} ${log.join('; ')}`);
        }
        if (pages.length === BATCH) check();
      }
      check();
      assert.deepEqual(failures, []);
    });
  });
}
