import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import {
  type Pressure,
  PressureError,
  type PressureReason,
  parsePressure,
  pressureScore,
  readPressure,
  WINDOWS,
} from '../../src/kernel/psi.ts';

const SOME = 'some avg10=1.25 avg60=0.50 avg300=0.07 total=123456';
const FULL = 'full avg10=1.00 avg60=0.25 avg300=0.01 total=12345';
const FILE = `${SOME}\n${FULL}\n`;
const PRESSURE: Pressure = {
  some: { avg10: 1.25, avg60: 0.5, avg300: 0.07, totalUs: 123456 },
  full: { avg10: 1, avg60: 0.25, avg300: 0.01, totalUs: 12345 },
};

suite('a pressure file', () => {
  const rows: [string, string, Pressure | null][] = [
    ['as the kernel writes it', FILE, PRESSURE],
    ['without its last newline', FILE.trimEnd(), PRESSURE],
    ['with its lines in the other order', `${FULL}\n${SOME}\n`, PRESSURE],
    ['with a line that a later kernel may add', `${FILE}most avg10=0.00 avg60=0.00 avg300=0.00 total=0\n`, PRESSURE],
    [
      'of a machine at rest',
      'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
      { some: { avg10: 0, avg60: 0, avg300: 0, totalUs: 0 }, full: { avg10: 0, avg60: 0, avg300: 0, totalUs: 0 } },
    ],
    [
      'of a machine that does nothing but wait',
      FILE.replaceAll(/avg(\d+)=\S+/g, 'avg$1=100.00'),
      {
        some: { avg10: 100, avg60: 100, avg300: 100, totalUs: 123456 },
        full: { avg10: 100, avg60: 100, avg300: 100, totalUs: 12345 },
      },
    ],
    [
      'with a total of 285 years, exactly',
      FILE.replace('total=123456', `total=${2 ** 53 - 1}`),
      { ...PRESSURE, some: { ...PRESSURE.some, totalUs: 2 ** 53 - 1 } },
    ],
    [
      'with the largest total there can be, nearly',
      FILE.replace('total=123456', `total=${2n ** 64n - 1n}`),
      { ...PRESSURE, some: { ...PRESSURE.some, totalUs: 2 ** 64 } },
    ],
    ['that is empty', '', null],
    ['with garbage', 'hello\n', null],
    ['without the line of all tasks', `${SOME}\n`, null],
    ['without the line of some tasks', `${FULL}\n`, null],
    ['with a negative share', FILE.replace('avg10=1.25', 'avg10=-1.25'), null],
    ['with a negative total', FILE.replace('total=12345\n', 'total=-1\n'), null],
    ['with a share that is no number', FILE.replace('avg60=0.25', 'avg60=nan'), null],
    ['with a share in powers of ten', FILE.replace('avg60=0.25', 'avg60=2.5e1'), null],
    ['with a total that has a fraction', FILE.replace('total=12345\n', 'total=12345.6\n'), null],
    ['without a total', FILE.replace(' total=123456', ''), null],
    ['cut off in its last line', FILE.slice(0, -8), null],
    ['with something behind a line', FILE.replace('total=123456', 'total=123456 x'), null],
    ['with something before a line', ` ${FILE}`, null],
  ];
  for (const [name, text, expected] of rows) test(name, () => assert.deepEqual(parsePressure(text), expected));
});

suite('the score', () => {
  const both = (some: number, full: number): Pressure => ({
    some: { avg10: some, avg60: 0, avg300: 0, totalUs: 0 },
    full: { avg10: full, avg60: 0, avg300: 0, totalUs: 0 },
  });
  const rows: [number, number, number][] = [
    [0, 0, 0],
    [0.01, 0, 0.005],
    [1, 0, 0.5],
    [40, 20, 30],
    [100, 0, 50],
    [100, 100, 100],
    // The kernel rounds each by itself.
    [100.01, 100, 100],
    [200, 200, 100],
    [-1, -1, 0],
  ];
  for (const [some, full, expected] of rows) {
    test(`is ${expected} where some wait ${some} % and all ${full} % of the time`, () => {
      assert.equal(pressureScore(both(some, full), 'avg10'), expected);
    });
  }

  const means = { avg10: 1.125, avg60: 0.375, avg300: 0.04 };
  for (const window of WINDOWS) {
    test(`of ${window} is of that window`, () => {
      assert.ok(Math.abs(pressureScore(PRESSURE, window) - means[window]) < 1e-12);
    });
  }
});

suite('reading pressure', () => {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-pressure-'));
  after(() => rmSync(folder, { recursive: true }));

  function fileWith(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  function problemOf(path: string, read?: () => string): { reason: PressureReason; message: string } {
    try {
      readPressure(path, read);
    } catch (error) {
      if (error instanceof PressureError) return error;
      throw error;
    }
    throw new Error('This file has no problem');
  }

  const failing = (code: string) => () => {
    throw Object.assign(new Error(`${code}: it fails`), { code });
  };

  test('gives what is in the file', () => assert.deepEqual(readPressure(fileWith('good', FILE)), PRESSURE));

  test('of a file that is not there is "missing", with the reasons there can be', () => {
    const path = join(folder, 'nowhere');
    const { reason, message } = problemOf(path);
    assert.deepEqual([reason, message.includes(path), message.includes('CONFIG_PSI')], ['missing', true, true]);
  });

  test('of a file below what is no folder is "missing"', () => {
    assert.equal(problemOf(join(fileWith('file', FILE), 'memory.pressure')).reason, 'missing');
  });

  test('of garbage is "malformed"', () => assert.equal(problemOf(fileWith('garbage', 'hello\n')).reason, 'malformed'));

  test('of an empty file is "malformed"', () => assert.equal(problemOf(fileWith('empty', '')).reason, 'malformed'));

  test('of a folder is "malformed", with the error', () => {
    const { reason, message } = problemOf(folder);
    assert.deepEqual([reason, message], ['malformed', `${folder} cannot be read: EISDIR`]);
  });

  test('of a file that this user may not read is "forbidden"', () => {
    const path = fileWith('secret', FILE);
    chmodSync(path, 0);
    // Root may read everything.
    const read = process.getuid?.() === 0 ? failing('EACCES') : undefined;
    const { reason, message } = problemOf(path, read);
    assert.deepEqual([reason, message], ['forbidden', `this process may not read ${path}`]);
  });

  const rows: [string, PressureReason][] = [
    ['ENOENT', 'missing'],
    ['ENOTDIR', 'missing'],
    ['EOPNOTSUPP', 'disabled'],
    ['ENOTSUP', 'disabled'],
    ['EACCES', 'forbidden'],
    ['EPERM', 'forbidden'],
    ['EIO', 'malformed'],
  ];
  for (const [code, reason] of rows) {
    test(`that fails with ${code} is "${reason}"`, () => assert.equal(problemOf('/x', failing(code)).reason, reason));
  }

  test('that is switched off names the cure', () => {
    assert.match(problemOf('/x', failing('EOPNOTSUPP')).message, /^\/x is switched off: .*psi=1/);
  });
});
