/** Merges a new configuration into the running one: some settings keep their value until a restart. */
import { isDeepStrictEqual } from 'node:util';
import type { Metric } from '../metrics/catalogue.ts';
import { receivers } from '../receivers/index.ts';
import { wantedBounds } from './bounds.ts';
import { exportersOf } from './exporters.ts';
import { keys, settingOf } from './keys.ts';
import { pidNamespaceOf } from './processors.ts';
import type { Config } from './schema.ts';

/**
 * @param gridOf the bounds in ns that the kernel counts a metric on; none where it counts no such histogram
 * @returns the wanted configuration with the running values of `kept`, which are the keys that need a restart
 */
export function keepRunning(
  running: Config,
  wanted: Config,
  gridOf: (metric: Metric) => readonly number[],
): { readonly config: Config; readonly kept: readonly string[] } {
  const config = structuredClone(wanted);
  const kept: string[] = [];
  const keep = (path: readonly string[], value = at(running, path)): void => {
    if (isDeepStrictEqual(value, at(config, path))) return;
    const [section, name = ''] = [at(config, path.slice(0, -1)) as Record<string, unknown>, path.at(-1)];
    section[name] = value;
    kept.push(path.join('.'));
  };

  for (const key of keys) if (settingOf(key).needsRestart === true) keep(key.split('.'));
  if (pidNamespaceOf(config) !== pidNamespaceOf(running)) {
    keep(['processors']);
    keep(['service', 'pipelines', 'metrics', 'processors']);
  }
  for (const { name, metrics } of receivers) {
    const gridNs = metrics.flatMap(gridOf);
    for (const { key, none, boundsNs } of gridNs.length === 0 ? [] : wantedBounds(config, name)) {
      if (boundsNs.every((bound) => gridNs.includes(bound))) continue;
      // Not the running value, which a new exporter lacks.
      if (none === undefined) keep(key);
      else keep(key, none);
    }
  }
  // The old endpoint listens until the new one does, so both cannot use one port.
  const endpoints = new Map(exportersOf(running, 'prometheus').map(({ name, settings }) => [name, settings]));
  for (const { name, settings } of exportersOf(config, 'prometheus')) {
    if (settings.port === 0 || settings.port !== endpoints.get(name)?.port) continue;
    for (const key of ['host', 'web_config_file']) keep(['exporters', name, key]);
  }
  return { config, kept };
}

function at(config: Config, path: readonly string[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], config);
}
