/** Turns on kernel.bpf_stats_enabled until it is disposed of. */
import { readFileSync, writeFileSync } from 'node:fs';

const SETTING = '/proc/sys/kernel/bpf_stats_enabled';

export function countsPrograms(): boolean {
  return readFileSync(SETTING, 'utf8').trim() === '1';
}

export function countPrograms(): Disposable {
  const before = readFileSync(SETTING, 'utf8');
  writeFileSync(SETTING, '1');
  return { [Symbol.dispose]: () => writeFileSync(SETTING, before) };
}
