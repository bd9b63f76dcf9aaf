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

function samplerOf(files: number): { sampler: Sampler; history: History; discover: () => void } {
  const inventory = new Inventory(mount);
  const source = new PressureSource({
    path: join(mount, 'none'),
    pressure: null,
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

  test('reads a container that was just found before the others', () => {
    for (let number = 0; number < 6; number++) setContainer(number, 100, 1000);
    const { sampler, history, discover } = samplerOf(40);
    for (let second = 0; second < 12; second++) sampler.sample(1e9 + second * S);
    setContainer(6, 100, 1000);
    discover();
    sampler.sample(1e9 + 12 * S);
    assert.deepEqual(agesOf(history, 6, 1e9 + 12 * S), [0]);
  });
});
