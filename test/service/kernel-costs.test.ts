import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { KernelCostsReader } from '../../src/service/kernel-costs.ts';

/** As Linux 6.18 writes them. */
const MAP =
  'pos:\t0\nflags:\t02000002\nmap_type:\t2\nkey_size:\t4\nmax_entries:\t1024\nmemlock:\t8504\nmap_id:\t12\nfrozen:\t0\n';
const PROGRAM = (runs: number, ns: number): string =>
  `pos:\t0\nprog_type:\t17\nprog_tag:\t77f\nmemlock:\t4096\nprog_id:\t40\nrun_time_ns:\t${ns}\nrun_cnt:\t${runs}\n`;
const LINK = 'pos:\t0\nlink_type:\traw_tracepoint\nlink_id:\t3\nprog_tag:\t77f\nprog_id:\t40\ntp_name:\tsys_enter\n';

suite('what the kernel spends on Floatie', () => {
  const folder = mkdtempSync(join(tmpdir(), 'floatie-fdinfo-'));
  test.after(() => rmSync(folder, { recursive: true }));
  const write = (fd: number, text: string): void => writeFileSync(join(folder, String(fd)), text);

  test('is the memory of its maps, each once, and the runs of its programs, where they are counted', () => {
    write(0, 'pos:\t0\nflags:\t0100002\n');
    write(3, MAP);
    write(4, MAP);
    write(5, MAP.replace('12', '13'));
    write(6, PROGRAM(0, 0));
    write(7, LINK);
    const costs = new KernelCostsReader(folder);
    assert.deepEqual(costs.read(0), { mapBytes: 2 * 8504, programs: null });
    write(6, PROGRAM(10, 5000));
    assert.deepEqual(costs.read(5000), { mapBytes: 2 * 8504, programs: { runs: 10, runTimeNs: 5000 } });
  });

  test('is looked at once for scrapes that are close together', () => {
    const costs = new KernelCostsReader(folder);
    const before = costs.read(0);
    write(8, MAP.replace('12', '14'));
    assert.equal(costs.read(4999), before);
    assert.notEqual(costs.read(5000).mapBytes, before.mapBytes);
  });

  test('keeps what programs took that are not loaded any more', () => {
    const costs = new KernelCostsReader(folder);
    write(6, PROGRAM(10, 5000));
    costs.read(0);
    write(6, PROGRAM(2, 100).replace('id:\t40', 'id:\t41'));
    assert.deepEqual(costs.read(5000).programs, { runs: 12, runTimeNs: 5100 });
  });
});
