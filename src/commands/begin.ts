/** `floatie run`: loads the configuration before anything that measures. */
import { setFlagsFromString } from 'node:v8';
import { load } from '../config/load.ts';
import type { Call } from './command.ts';

export async function execute({ sources }: Call): Promise<boolean> {
  const loaded = load(sources);
  // Allocations of a scrape are short-lived: a growing young generation costs 9 MB and saves nothing.
  setFlagsFromString('--semi-space-growth-factor=1');
  // While V8 looks for garbage in all of the memory, the young generation would grow to 16 MB all the same.
  setFlagsFromString('--no-separate-gc-phases');
  // A third less memory, for a tenth more CPU time of a scrape: docs/decisions.md.
  setFlagsFromString('--optimize-for-size');
  // Loaded only now: a configuration that is wrong needs neither OpenTelemetry nor libbpf.
  const { run } = await import('./run.ts');
  return await run(loaded, () => load(sources));
}
