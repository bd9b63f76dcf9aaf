/** Who sends the metrics: the resource's attributes, before OpenTelemetry is loaded. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { labelName } from '../metrics/labels.ts';
import { version } from '../program/version.ts';
import type { Env } from './environment.ts';

/** Two nodes without an instance id would overwrite each other behind a collector. */
const INSTANCE_ID = randomUUID();

/** @param own those of the configuration, which win */
export function resourceAttributes(own: Readonly<Record<string, string>>, env: Env): Record<string, string> {
  const node = env.K8S_NODE_NAME ?? env.NODE_NAME;
  return {
    'service.name': 'floatie',
    'service.version': version,
    'service.instance.id': INSTANCE_ID,
    'host.name': hostname(),
    ...(node === undefined ? {} : { 'k8s.node.name': node }),
    ...own,
  };
}

/** Attributes that are one label in Prometheus, which is seldom meant. */
export function resourceWarnings(own: Readonly<Record<string, string>>, env: Env): string[] {
  const names = Object.keys(resourceAttributes(own, env)).sort();
  return Array.from(Map.groupBy(names, labelName)).flatMap(([label, group]) => {
    if (group.length === 1) return [];
    const all = group.map((name) => `"${name}"`).join(' and ');
    return `service.telemetry.resource: ${all} are one label in Prometheus, "${label}", with their values behind each other`;
  });
}
