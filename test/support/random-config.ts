// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own references look like these
/** Random and damaged configurations: loading one returns a configuration or throws its problems. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { envName, keys } from '../../src/config/keys.ts';
import { load, type Sources } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { writable } from '../../src/config/writable.ts';
import { outcomeOf, ownKeys } from './config-outcome.ts';
import { createRandom } from './random.ts';
import { writeAnew } from './write-anew.ts';

const folder = mkdtempSync(join(tmpdir(), 'floatie-random-'));
after(() => rmSync(folder, { recursive: true }));

export const FILE = join(folder, 'floatie.yaml');
export const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'prototype'];

/** Every section, such as `exporters` and `exporters.prometheus`. */
export const SECTIONS = [
  ...new Set(keys.flatMap((key) => key.split('.').map((_, index, parts) => parts.slice(0, index).join('.')))),
].filter((path) => path !== '');

/** Valid values, as YAML. */
const LIKELY: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    'kernel.pid_ns_inum': ['0', 'self', '4026531836'],
    'containers.names': ['true', 'false', 'without_image'],
    'kernel.max_map_entries': ['1', '512'],
    'receivers.overlayfs.attach': ['auto', 'syscall'],
    'receivers.overlayfs.bounds_us': ['[1, 2.5, 4]', '[1000]'],
    'receivers.overlayfs.expire_ms': ['1000', '86400000'],
    'receivers.oom.max_series': ['1', '100000'],
    'receivers.oom.retain_ms': ['60000', '86400000'],
    'receivers.oom.ring_bytes': ['4096', '0x4000'],
    'receivers.pressure.window': ['avg10', 'avg60', 'avg300'],
    'processors.attributes.actions': ['[]', '[{ key: cgroup, action: delete }]'],
    'processors.filter.cgroups.include': ['[]', '[/kubepods*]'],
    'processors.filter.cgroups.exclude': ['[]', '[/system.slice/*]'],
    'processors.filter.pid_ns_inum': ['0', 'self'],
    'service.pipelines.metrics.processors': ['[]', '[attributes, filter]', '[filter/eu]'],
    'exporters.prometheus.host': ['127.0.0.1', '"::1"', 'localhost'],
    'exporters.prometheus.port': ['0', '9090'],
    'exporters.prometheus.timeout_ms': ['100', '60000'],
    'exporters.otlp.endpoint': ['""', '"http://localhost:4317"', 'localhost:4317'],
    'exporters.otlp.interval_ms': ['100', '3600000'],
    'exporters.otlp.timeout_ms': ['100', '60000'],
    'exporters.otlp.temporality': ['cumulative', 'delta'],
    'service.pipelines.metrics.receivers': ['[overlayfs]', '[oom, pressure]'],
    'service.pipelines.metrics.exporters': ['[prometheus]', '[otlp, prometheus]'],
    'exporters.otlp.headers': ['{}', '{ authorization: "Bearer ${env:X}" }'],
    'exporters.otlphttp.endpoint': ['""', '"http://localhost:4318"'],
    'exporters.debug.verbosity': ['basic', 'detailed'],
    'service.telemetry.log_level': ['debug', 'error'],
    'service.telemetry.log_format': ['text', 'json'],
    'exporters.prometheus.endpoint': ['0.0.0.0:9464', '":0"', '"[::1]:9464"'],
    'exporters.otlp.interval': ['30s', '1m30s', '0.5h'],
    'exporters.otlp.timeout': ['100ms', '10s'],
    'exporters.otlp.tls.insecure': ['true', 'false'],
    'receivers.overlayfs.expire': ['5m', '1h'],
    'receivers.oom.retain': ['1d', '60s'],
    'receivers.oom.ring': ['256KiB', '4096B'],
    'service.telemetry.logs.level': ['INFO', 'debug'],
    'service.telemetry.logs.encoding': ['json', 'console'],
    'service.telemetry.resource': ['{}', '{ team: storage, constructor: x, __proto__: y }'],
  }),
);

/** Writes random configurations that resemble people's. */
class Writer {
  readonly #random: () => number;
  readonly #file: string;
  /** The share of wrong values, from 0 to 1. */
  readonly #wrong: number;

  constructor(seed: number) {
    this.#random = createRandom(seed);
    this.#file = join(folder, `${seed}.yaml`);
    this.#wrong = this.#happens(0.5) ? 0 : this.#random();
  }

  sources(): Sources {
    writeAnew(this.#file, this.#damaged(this.#document()));
    return {
      file: this.#happens(0.9) ? this.#file : undefined,
      env: {
        ...Object.fromEntries(this.#some(2, () => this.#pair()).map(([key, value]) => [this.#variable(key), value])),
        ...(this.#happens(0.5) && { X: this.#value(2) }),
        ...(this.#isWrong(0.1) && { OTEL_METRIC_EXPORT_INTERVAL: this.#value(1) }),
        ...(this.#isWrong(0.1) && { OTEL_RESOURCE_ATTRIBUTES: this.#value(1) }),
      },
      set: this.#some(2, () => (this.#isWrong(0.1) ? this.#word() : this.#pair().join('='))),
      flags: this.#some(1, () => ({
        flag: '--max-map-entries',
        key: 'kernel.max_map_entries',
        value: this.#isWrong(0.5) ? this.#value(1) : '512',
      })),
    };
  }

  #pair(): [key: string, value: string] {
    const key = this.#key();
    return [key, this.#isWrong(0.5) ? this.#value(1) : this.#likely(key)];
  }

  #document(): string {
    if (this.#isWrong(0.05)) return this.#value(3);
    const lines = this.#some(6, () => this.#key()).map((key) => {
      const parts = key.split('.');
      const value = this.#isWrong(0.5) ? this.#value(3) : this.#likely(key);
      return parts.reduceRight(
        (inner, part, index) => (index === 0 ? `${part}: ${inner}` : `{ ${part}: ${inner} }`),
        value,
      );
    });
    const names = lines.map((line) => line.slice(0, line.indexOf(':')));
    return lines.filter((_, index) => names.indexOf(names[index] ?? '') === index || this.#isWrong(0.05)).join('\n');
  }

  /** A valid or nearly valid value. */
  #likely(key: string): string {
    const right = LIKELY.get(key) ?? [];
    if (key === 'views') return `[${this.#some(3, () => this.#view()).join(', ')}]`;
    return this.#isWrong(0.2) ? this.#one(...[...LIKELY.values()].flat()) : this.#one(...right);
  }

  #view(): string {
    const stream = [
      'description: Some',
      'attribute_keys: { included: [cgroup, op] }',
      'aggregation_cardinality_limit: 5',
    ];
    const parts = stream.filter(() => this.#happens(0.5));
    if (this.#isWrong(0.5))
      parts.push(`${this.#one('name', 'attribute_keys', 'aggregation', '__proto__')}: ${this.#value(2)}`);
    const name = this.#isWrong(0.3)
      ? this.#value(1)
      : this.#one('"*_zero_total"', '"floatie_*_us"', 'floatie_oom_kills_total');
    return `{ selector: { instrument_name: ${name} }, stream: { ${parts.join(', ')} } }`;
  }

  #value(depth: number): string {
    const kind = this.#random();
    if (depth > 0 && kind < 0.2) return `[${this.#some(4, () => this.#value(depth - 1)).join(', ')}]`;
    if (depth > 0 && kind < 0.4) {
      return `{ ${this.#some(3, () => `${this.#word()}: ${this.#value(depth - 1)}`).join(', ')} }`;
    }
    if (kind < 0.45) return this.#one('&a 1', '*a', '!!str 5', '!unknown x', '<<', '? x', '|', '- x', '# x', '%', '@');
    return this.#one(
      ...['', '~', 'null', 'true', 'no', '0', '-1', '1.5', '1e400', '.nan', '.inf', '0x10', '9007199254740993', '-0'],
      ...['9090', '"9090"', '65536', 'self', 'all', '""', '"\\0"', '"\\uD800"', '2001-01-01', '1,2,3', '[', '}'],
      ...['"${env:X}"', '"${env:X:-5}"', '"a${env:Y}"', '"$$"', '"${"', '"${env:1}"', '"${file:x}"'],
      ...PROTOTYPE_KEYS,
    );
  }

  #key(): string {
    const known = this.#one(...writable);
    const name = this.#isWrong(0.5) ? this.#word() : 'eu';
    const key = this.#happens(0.8) ? known : known.replace(/^(exporters|processors)\.\w+/, `$&/${name}`);
    if (!this.#isWrong(0.3)) return key;
    const kind = this.#random();
    if (kind < 0.5) return `${key.split('.').slice(0, -1).join('.') || 'views'}.${this.#word()}`;
    return kind < 0.75 ? this.#one(...SECTIONS) : this.#word();
  }

  #variable(key: string): string {
    return this.#isWrong(0.2) ? `FLOATIE_${this.#word().toUpperCase()}` : envName(key);
  }

  #word(): string {
    return this.#one(...PROTOTYPE_KEYS, 'toString', 'port', 'kernel', 'polluted', 'x', '""', '0', 'a.b', 'é');
  }

  /** Sometimes adds or removes a character. */
  #damaged(text: string): string {
    if (!this.#isWrong(0.3)) return text;
    const at = Math.floor(this.#random() * (text.length + 1));
    const inserted = this.#one('', '"', '{', '\n', '\t', ':', '\0', '\u2028', '---\n', '%YAML 1.1\n---\n');
    return text.slice(0, at) + inserted + text.slice(at + 1);
  }

  #isWrong(probability: number): boolean {
    return this.#happens(probability * this.#wrong);
  }

  #happens(probability: number): boolean {
    return this.#random() < probability;
  }

  #one(...choices: readonly string[]): string {
    return choices[Math.floor(this.#random() * choices.length)] ?? '';
  }

  #some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: Math.floor(this.#random() * (most + 1)) }, make);
  }
}

function namesItsPlace(problem: string): boolean {
  return (
    problem.startsWith(`${folder}/`) ||
    problem.startsWith('--set ') ||
    /^(FLOATIE|OTEL)_[^:]*: /.test(problem) ||
    writable.some((known) => {
      const key = known.replace(
        /^(?:exporters|processors)\.\w+/,
        problem.slice(0, problem.indexOf(': ')).match(/^\w+\.\w+\/[\w-]+/)?.[0] ?? '$&',
      );
      return [': ', '[', '.'].some((end) => problem.startsWith(key + end));
    })
  );
}

function at(config: unknown, key: string): unknown {
  return key.split('.').reduce((node, part) => (node as Record<string, unknown>)[part], config);
}

/** Loads random documents; each must be accepted or refused with problems. */
export function testRandom(rounds: number): void {
  suite(`${rounds} random configurations`, () => {
    const before = ownKeys();
    const silence = process.listeners('warning');
    const outcomes: (Config | readonly string[])[] = [];
    const failures: string[] = [];
    process.removeAllListeners('warning');
    for (let seed = 0; seed < rounds; seed++) {
      const sources = new Writer(seed).sources();
      try {
        outcomes.push(outcomeOf(sources));
      } catch (error) {
        failures.push(`seed ${seed}: ${(error as Error).message}`);
      }
    }
    for (const listener of silence) process.on('warning', listener);

    test('are loaded or refused with their problems, and nothing else', () => assert.deepEqual(failures, []));

    test('are of both kinds', () => {
      const refused = outcomes.filter(Array.isArray).length;
      assert.ok(refused > rounds / 10 && outcomes.length - refused > rounds / 10, `${refused} are refused`);
    });

    test('have problems that each name a key, a variable or a file', () => {
      const lost = outcomes.flatMap((outcome) =>
        Array.isArray(outcome) ? (outcome as string[]).filter((problem) => !namesItsPlace(problem)) : [],
      );
      assert.deepEqual(lost, []);
    });

    test('have at least one problem where they are refused', () => {
      assert.ok(outcomes.every((outcome) => !Array.isArray(outcome) || outcome.length > 0));
    });

    test('have a value for every key where they are loaded', () => {
      const configs = outcomes.filter((outcome) => !Array.isArray(outcome));
      const without = configs.flatMap((config) => keys.filter((key) => at(config, key) == null));
      assert.deepEqual(without, []);
    });

    test('are the same when they are loaded again', () => {
      const [outcome, again] = [outcomeOf(new Writer(7).sources()), outcomeOf(new Writer(7).sources())];
      assert.deepEqual(outcome, again);
    });

    test('leave every prototype alone', () => assert.deepEqual(ownKeys(), before));
  });
}

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const SHIPPED = readFileSync(new URL('../../config/floatie.yaml', import.meta.url), 'utf8').split('\n');

interface Mutant {
  readonly name: string;
  readonly yaml: string;
  /** Whether the mutant must be refused; undefined: either is fine. */
  readonly isWrong?: boolean;
}

/** Mistakes in a line with a key, and whether each surely makes the file invalid. */
const MUTATIONS: readonly [name: string, change: (line: string) => string, isWrong?: boolean][] = [
  ['a letter too many in the key', (line) => line.replace(/(\w)(["']?):/, '$1x$2:'), true],
  ['two letters swapped in the key', (line) => line.replace(/(\w)(\w):/, '$2$1q:'), true],
  [
    'a hyphen for an underscore',
    (line) => line.replace(/^( *)(\w+):/, (_, space, key) => `${space}${key.replace('_', '-')}-:`),
    true,
  ],
  ['the key in capitals', (line) => line.toUpperCase(), true],
  ['a key of JavaScript for it', (line) => line.replace(/\w+:/, '__proto__:'), true],
  ['no colon', (line) => line.replace(':', ''), true],
  ['a tab before it', (line) => `\t${line}`],
  ['twice', (line) => `${line}\n${line}`],
  ['one space more', (line) => ` ${line}`],
  ['as a comment', (line) => `#${line}`],
  ['an equals sign', (line) => line.replace(':', ' =')],
  ['a quote that does not end', (line) => `${line} "`],
  ['a bracket that does not end', (line) => line.replace(/:.*/, ': [1,'), true],
  ['a list of itself', (line) => line.replace(/:.*/, ': &self [*self]'), true],
  ['an alias of nothing', (line) => line.replace(/:.*/, ': *nothing'), true],
  ['a variable that is not set', (line) => line.replace(/:.*/, ': ${env:NOT_SET}')],
  ['a variable of another kind', (line) => line.replace(/:.*/, ': ${file:/etc/passwd}'), true],
  ['not a number', (line) => line.replace(/:.*/, ': .nan'), true],
  ['a negative number', (line) => line.replace(/:.*/, ': -99'), true],
];

/** Every mutation at every key of the shipped file. */
export function* mutants(): Generator<Mutant> {
  for (const [name, change, isWrong] of MUTATIONS) {
    for (const [index, line] of SHIPPED.entries()) {
      if (!/^ *[a-z_]+:/.test(line)) continue;
      const yaml = SHIPPED.with(index, change(line)).join('\n');
      yield { name: `line ${index + 1}, ${name}`, yaml, ...(isWrong !== undefined && { isWrong }) };
    }
  }
}

/** Loads every mutation at every key of the shipped file; `commands` of them also by the command. */
export function testMutants(commands: number): void {
  const all = [...mutants()];
  suite(`${all.length} ways to damage config/floatie.yaml`, () => {
    const before = ownKeys();
    const file = join(folder, 'mutant.yaml');
    const outcomes = all.map(({ yaml }) => {
      writeAnew(file, yaml);
      return outcomeOf({ file, env: {}, set: [] });
    });

    test('are at least 500', () => assert.ok(all.length >= 500, `${all.length}`));

    test('are refused where they are wrong', () => {
      const taken = all.filter(({ isWrong }, index) => isWrong && !Array.isArray(outcomes[index]));
      assert.deepEqual(
        taken.map(({ name }) => name),
        [],
      );
    });

    test('have problems that each name a key or a line', () => {
      const lost = (outcomes.filter(Array.isArray) as string[][]).flat().filter((problem) => !namesItsPlace(problem));
      assert.deepEqual(lost, []);
    });

    test('leave every prototype alone', () => assert.deepEqual(ownKeys(), before));

    for (let at = 0; at < commands; at++) {
      const { name, yaml } = all[Math.floor((at * all.length) / commands)] as Mutant;
      test(`end the command with a line for each problem: ${name}`, () => {
        writeAnew(file, yaml);
        const { status, stderr } = spawnSync(process.execPath, [MAIN, 'validate', '--config', file], {
          encoding: 'utf8',
          env: {},
        });
        const problems = outcomeOf({ file, env: {}, set: [] });
        const lines: readonly string[] = Array.isArray(problems)
          ? problems
          : load({ file, env: {}, set: [] }).warnings.map((warning) => `warning: ${warning}`);
        assert.deepEqual(
          [status, stderr],
          [Array.isArray(problems) ? 2 : 0, lines.map((line) => `floatie: ${line}\n`).join('')],
        );
      });
    }
  });
}
