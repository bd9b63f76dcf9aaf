/** `floatie print-config`: the configuration that would be used, without its secrets. */
import { redact } from '../config/redact.ts';
import type { Call } from './command.ts';
import { loadTelling } from './configuration.ts';

export async function execute({ sources, json }: Call): Promise<boolean> {
  const settings = redact(loadTelling(sources));
  const text = json ? `${JSON.stringify(settings, null, 2)}\n` : (await import('yaml')).stringify(settings);
  process.stdout.write(text);
  return true;
}
