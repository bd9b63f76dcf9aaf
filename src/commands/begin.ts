/** `floatie run`: loads the configuration before anything that measures. */
import { load } from '../config/load.ts';
import type { Call } from './command.ts';
import { spareMemory } from './heap.ts';

export async function execute({ sources }: Call): Promise<boolean> {
  const loaded = load(sources);
  spareMemory();
  // Loaded only now: a configuration that is wrong needs neither OpenTelemetry nor libbpf.
  const { run } = await import('./run.ts');
  return await run(loaded, () => load(sources));
}
