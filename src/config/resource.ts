/** The attributes of the resource, without loading OpenTelemetry. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { labelName } from '../metrics/labels.ts';
import { version } from '../program/version.ts';

/** Without an instance id, two nodes behind one collector would overwrite each other's series. */
const INSTANCE_ID = randomUUID();

/** @param own configured attributes, which override the others */
export function resourceAttributes(
  own: Readonly<Record<string, string>>,
  nodeName: string | null,
): Record<string, string> {
  return {
    'service.name': 'floatie',
    'service.version': version,
    'service.instance.id': INSTANCE_ID,
    'host.name': hostname(),
    ...(nodeName !== null && { 'k8s.node.name': nodeName }),
    ...own,
  };
}

/** Warnings about attributes that become the same label in Prometheus. */
export function resourceWarnings(own: Readonly<Record<string, string>>, nodeName: string | null): string[] {
  const names = Object.keys(resourceAttributes(own, nodeName)).sort();
  return Array.from(Map.groupBy(names, labelName)).flatMap(([label, group]) => {
    if (group.length === 1) return [];
    const all = group.map((name) => `"${name}"`).join(' and ');
    return `service.telemetry.resource: ${all} are one label in Prometheus, "${label}", with their values behind each other`;
  });
}
