/** The kernel counts the runs and the time of BPF programs for as long as this is needed. */
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
