import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { Inventory } from '../../../src/containers/inventory.ts';
import { containersAnswer } from '../../../src/history/answer.ts';
import { History } from '../../../src/history/history.ts';
import { FileBudget } from '../../../src/receivers/file-budget.ts';
import { Sampler } from '../../../src/receivers/pressure/sampler.ts';
import { PressureSource } from '../../../src/receivers/pressure/source.ts';

const S = 1000;
let mount: string;

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'floatie-sampler-'));
});
afterEach(() => rmSync(mount, { recursive: true }));

function idOf(number: number): string {
  return number.toString(16).padStart(64, '0');
}

function setContainer(number: number, usage: number, limit: number | 'max'): void {
  const folder = join(mount, `libpod-${idOf(number)}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'memory.current'), `${usage}\n`);
  writeFileSync(join(folder, 'memory.max'), `${limit}\n`);
  writeFileSync(join(folder, 'memory.stat'), `anon ${usage}\ninactive_file 0\npgmajfault 0\n`);
  writeFileSync(join(folder, 'memory.events'), 'low 0\nhigh 0\nmax 3\noom 0\noom_kill 0\n');
}

function setCpuTime(number: number, us: number): void {
  writeFileSync(join(mount, `libpod-${idOf(number)}`, 'cpu.stat'), `usage_usec ${us}\nuser_usec 0\n`);
}

function samplerOf(files: number, hasPressure = false): { sampler: Sampler; history: History; discover: () => void } {
  const inventory = new Inventory(mount);
  const source = new PressureSource({
    path: join(mount, 'none'),
    pressure: hasPressure ? inventory : null,
    memory: { inventory, version: 2 },
    window: 'avg10',
    onHostState: () => undefined,
  });
  source.discover(60_000);
  const history = new History();
  const discover = () => source.discover(60_000);
  return { sampler: new Sampler(source, history, new FileBudget(files)), history, discover };
}

function agesOf(history: History, number: number, nowMs: number): number[] {
  return history.usages.before(`/libpod-${idOf(number)}`, nowMs)?.points.map(({ agoMs }) => agoMs) ?? [];
}

suite('the sampler', () => {
  test('gives usage and limit to the history', async () => {
    setContainer(1, 4096, 1 << 20);
    setContainer(2, 8192, 'max');
    const { sampler, history } = samplerOf(100);
    sampler.sample(1e9);
    await history.endStep();
    const { containers } = containersAnswer(history);
    const byId = new Map(containers.map(({ container_id, memory }) => [container_id, memory]));
    assert.deepEqual([byId.get(idOf(1))?.usage_bytes, byId.get(idOf(1))?.limit_bytes], [4096, 1 << 20]);
    assert.deepEqual([byId.get(idOf(2))?.usage_bytes, byId.get(idOf(2))?.limit_bytes], [8192, undefined]);
    const past = history.usages.before(`/libpod-${idOf(1)}`, 1e9);
    assert.deepEqual([past?.hits, past?.statistics?.anon], [{ max: 3, high: 0 }, 4096]);
  });

  test('reads a cgroup near its limit each second, others each ten', () => {
    setContainer(1, 900, 1000);
    setContainer(2, 100, 1000);
    const { sampler, history } = samplerOf(100);
    for (let second = 0; second < 12; second++) sampler.sample(1e9 + second * S);
    assert.equal(agesOf(history, 1, 1e9 + 11 * S).length > 10, true);
    assert.deepEqual(agesOf(history, 2, 1e9 + 11 * S), [11 * S, 2 * S]);
  });

  test('reads the others in turn where the budget does not allow all of them', () => {
    for (let number = 0; number < 6; number++) setContainer(number, 100, 1000);
    const { sampler, history } = samplerOf(40);
    sampler.sample(1e9);
    const read = () => [0, 1, 2, 3, 4, 5].filter((number) => agesOf(history, number, 1e10).length > 0).length;
    assert.equal(read(), 2);
    sampler.sample(1e9 + S);
    assert.equal(read(), 4);
    sampler.sample(1e9 + 2 * S);
    assert.equal(read(), 6);
  });

  suite('of many containers', () => {
    const NUMBERS = Array.from({ length: 15 }, (_, number) => number);
    const setUp = (): ReturnType<typeof samplerOf> => {
      for (const number of NUMBERS) {
        setContainer(number, 100, 1000);
        setCpuTime(number, 5);
      }
      return samplerOf(100);
    };
    const readOf = (history: History): number[] =>
      NUMBERS.filter((number) => history.usages.before(`/libpod-${idOf(number)}`, 1e10)?.hits !== undefined);

    test('knows the usage of all at once, and reads all files of some', () => {
      const { sampler, history } = setUp();
      sampler.sample(1e9);
      assert.deepEqual(
        NUMBERS.map((number) => agesOf(history, number, 1e9)),
        NUMBERS.map(() => [0]),
      );
      assert.equal(readOf(history).length, 5);
    });

    test('reads all files of those first whose limit is near', () => {
      const { sampler, history } = setUp();
      for (const number of [3, 8, 14]) setContainer(number, 900, 1000);
      for (const ms of [0, S]) sampler.sample(1e9 + ms);
      const read = readOf(history);
      assert.deepEqual(
        [3, 8, 14].filter((number) => read.includes(number)),
        [3, 8, 14],
      );
      assert.equal(read.length < NUMBERS.length, true);
    });

    test('reads all files of those without delay that have run since', () => {
      const { sampler, history } = setUp();
      sampler.sample(1e9);
      const before = readOf(history);
      for (const number of NUMBERS.filter((number) => !before.includes(number))) setCpuTime(number, 6);
      sampler.sample(1e9 + 12 * S);
      // The budget of those that were read before is enough for four.
      const read = readOf(history).length - before.length;
      assert.equal(read > 4, true, `${read} were read`);
    });

    test('reads all files of the others within ten minutes', () => {
      const { sampler, history } = setUp();
      for (let second = 0; second < 620; second++) sampler.sample(1e9 + second * S);
      assert.deepEqual(readOf(history), NUMBERS);
    });

    test('reads more of them while somebody looks', () => {
      const readIn = (isWatched: boolean): number => {
        const { sampler, history } = setUp();
        if (isWatched) history.watch();
        sampler.sample(1e9);
        return readOf(history).length;
      };
      assert.deepEqual([readIn(false), readIn(true)], [5, 8]);
    });
  });

  test('reads a container that was just found before the others', () => {
    for (let number = 0; number < 6; number++) setContainer(number, 100, 1000);
    const { sampler, history, discover } = samplerOf(40);
    for (let second = 0; second < 12; second++) sampler.sample(1e9 + second * S);
    setContainer(6, 100, 1000);
    discover();
    sampler.sample(1e9 + 12 * S);
    assert.deepEqual(agesOf(history, 6, 1e9 + 12 * S), [0]);
  });

  test('reads the limit of an idle container again once a process runs, two minutes after its memory is reclaimed, or after four minutes', () => {
    const [run, reclaim] = [() => setCpuTime(1, 6), () => setContainer(1, 50, 2000)];
    const changes: [string, () => void, seconds: number, number][] = [
      ['nothing', () => undefined, 230, 1000],
      ['a process ran', run, 20, 2000],
      ['memory was reclaimed, less than two minutes ago', reclaim, 110, 1000],
      ['memory was reclaimed', reclaim, 132, 2000],
      ['four minutes', () => undefined, 252, 2000],
    ];
    for (const [what, change, seconds, expected] of changes) {
      setContainer(1, 100, 1000);
      setCpuTime(1, 5);
      const { sampler, history } = samplerOf(100);
      sampler.sample(1e9);
      setContainer(1, 100, 2000);
      change();
      for (let second = 1; second < seconds; second++) sampler.sample(1e9 + second * S);
      const { rings } = history.containers.get(idOf(1))?.steps ?? {};
      assert.equal(rings?.get('limit', 0), expected, what);
    }
  });

  test('reads the usage of an idle container at each look while somebody looks', () => {
    setContainer(1, 100, 1000);
    setCpuTime(1, 5);
    const { sampler, history } = samplerOf(100);
    sampler.sample(1e9);
    setContainer(1, 50, 1000);
    history.watch();
    sampler.sample(1e9 + 10 * S);
    assert.equal(history.containers.get(idOf(1))?.steps.rings.get('usage', 0), 50);
  });

  test('has the usage and the gauges of an idle container in each step', async () => {
    setContainer(1, 4096, 1 << 20);
    setCpuTime(1, 5);
    const { sampler, history } = samplerOf(100);
    for (let step = 0; step < 4; step++) {
      sampler.sample(1e9 + step * 10 * S);
      await history.endStep();
    }
    const { rings } = history.containers.get(idOf(1))?.steps ?? {};
    assert.deepEqual(
      [0, 1, 2, 3].map((step) => [rings?.get('usage', step), rings?.get('limit', step)]),
      Array<number[]>(4).fill([4096, 1 << 20]),
    );
    assert.equal(agesOf(history, 1, 1e9 + 30 * S).length, 4);
  });

  test('reads a container whose pressure falls by itself, also while it is idle', () => {
    setContainer(1, 100, 1000);
    setCpuTime(1, 5);
    const pressure = (avg10: string): string =>
      `some avg10=${avg10} avg60=0.00 avg300=0.00 total=9\nfull avg10=${avg10} avg60=0.00 avg300=0.00 total=9\n`;
    const write = (avg10: string): void =>
      writeFileSync(join(mount, `libpod-${idOf(1)}`, 'memory.pressure'), pressure(avg10));
    write('30.00');
    const { sampler, history } = samplerOf(100, true);
    sampler.sample(1e9);
    const score = (): number | null | undefined => history.containers.get(idOf(1))?.steps.rings.get('score', 0);
    assert.equal(score(), 30);
    write('10.00');
    for (let second = 1; second < 10; second++) sampler.sample(1e9 + second * S);
    assert.equal(score(), 10);
  });
});

test('the CPU time of a container in another hierarchy tells nothing where it is none, or missing', () => {
  setContainer(1, 100, 1000);
  const inventory = new Inventory(mount);
  const cpuacctMount = join(mount, 'cpuacct');
  const source = new PressureSource({
    path: join(mount, 'none'),
    pressure: null,
    memory: { inventory, version: 1, cpuacctMount },
    window: 'avg10',
    onHostState: () => undefined,
  });
  source.discover(60_000);
  const [wanted] = source.wanted();
  assert.ok(wanted !== undefined);
  assert.equal(source.cpuTime(wanted), null);
  const folder = join(cpuacctMount, `libpod-${idOf(1)}`);
  mkdirSync(folder, { recursive: true });
  for (const [text, told] of [
    ['0\n', null],
    ['1234\n', '1234\n'],
  ] as const) {
    writeFileSync(join(folder, 'cpuacct.usage'), text);
    assert.equal(source.cpuTime(wanted), told);
  }
});
