/** What a configuration can have that no other value is like; test/fuzz/config.test.ts tries thousands of them. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { outcomeOf, ownKeys } from '../support/config-outcome.ts';
import { FILE, PROTOTYPE_KEYS, SECTIONS } from '../support/random-config.ts';
import { writeAnew } from '../support/write-anew.ts';

suite('a key that JavaScript has of its own', () => {
  const LATENCY = 'floatie_overlayfs_read_latency_us';
  const inViews = (name: string): [string, string][] => [
    ['a view', `views: [{ ${name}: { polluted: 1 }, selector: { instrument_name: ${LATENCY} }, stream: {} }]`],
    ['a selector', `views: [{ selector: { ${name}: { polluted: 1 }, instrument_name: ${LATENCY} }, stream: {} }]`],
    ['a stream', `views: [{ selector: { instrument_name: ${LATENCY} }, stream: { ${name}: { polluted: 1 } } }]`],
    [
      'a part of a stream',
      `views: [{ selector: { instrument_name: ${LATENCY} }, stream: { aggregation: { ${name}: { polluted: 1 } } } }]`,
    ],
  ];

  for (const name of PROTOTYPE_KEYS) {
    for (const section of SECTIONS) {
      const parts = section.split('.');
      test(`is unknown in ${section}: ${name}`, () => {
        const before = ownKeys();
        const inner = `{ ${name}: { polluted: 1, ${name}: { polluted: 1 } } }`;
        writeAnew(
          FILE,
          parts.reduceRight((text, part) => `{ ${part}: ${text} }`, inner),
        );
        const problems = outcomeOf({ file: FILE, env: {}, set: [`${section}.${name}.polluted=1`] });
        assert.ok(Array.isArray(problems));
        assert.deepEqual(
          problems.map((problem: string) => problem.replace(/; did you mean.*/, '')),
          [`${FILE}:1: ${section}.${name}: unknown key`, `--set ${section}.${name}.polluted: unknown key`],
        );
        assert.deepEqual([ownKeys(), ({} as Record<string, unknown>).polluted], [before, undefined]);
      });
    }

    for (const [place, yaml] of inViews(name)) {
      test(`is unknown in ${place}: ${name}`, () => {
        const before = ownKeys();
        writeAnew(FILE, yaml);
        const problems = outcomeOf({ file: FILE, env: {}, set: [] });
        assert.ok(Array.isArray(problems));
        assert.match(problems.join('\n'), new RegExp(`^views\\[0\\]\\.(\\w+\\.)*${name}: unknown key; `));
        assert.deepEqual(ownKeys(), before);
      });
    }
  }
});

suite('a value that cannot be shown as JSON', () => {
  const rows: [string, string, string][] = [
    ['a list in itself for a number', 'kernel: { max_map_entries: &self [*self] }', 'kernel.max_map_entries: '],
    [
      'bounds in themselves',
      'receivers: { overlayfs: { bounds_us: &self [1, *self] } }',
      'receivers.overlayfs.bounds_us: ',
    ],
    ['a mapping in itself', 'service: { telemetry: { resource: &self { a: *self } } }', 'service.telemetry.resource: '],
    ['a list in itself for a section', 'exporters: &self [*self]', `${FILE}:1: exporters: `],
  ];
  for (const [name, yaml, place] of rows) {
    test(`is a problem of its key in a file: ${name}`, () => {
      writeAnew(FILE, yaml);
      const problems = outcomeOf({ file: FILE, env: {}, set: [] });
      assert.ok(Array.isArray(problems) && problems.length === 1 && problems[0]?.startsWith(place), String(problems));
    });
  }

  test('is a problem of its key in a variable', () => {
    const problems = outcomeOf({ env: { FLOATIE_KERNEL_MAX_MAP_ENTRIES: '&self [*self]' }, set: [] });
    assert.ok(Array.isArray(problems) && problems[0]?.startsWith('kernel.max_map_entries: '), String(problems));
  });
});

suite('what YAML 1.1 has beyond mappings', () => {
  const rows: [string, string, string][] = [
    ['a set for a mapping', 'service: { telemetry: { resource: !!set { a, b } } }', 'service.telemetry.resource: '],
    ['a date for a mapping', 'service: { telemetry: { resource: 2001-01-01 } }', 'service.telemetry.resource: '],
    ['an ordered map for a section', 'exporters: !!omap [prometheus: { port: 1 }]', `${FILE}:3: exporters: `],
  ];
  for (const [name, yaml, place] of rows) {
    test(`is a problem, not taken silently: ${name}`, () => {
      writeAnew(FILE, `%YAML 1.1\n---\n${yaml}\n`);
      const problems = outcomeOf({ file: FILE, env: {}, set: [] });
      assert.ok(Array.isArray(problems) && problems.some((problem) => problem.startsWith(place)), 'it is loaded');
    });
  }
});
