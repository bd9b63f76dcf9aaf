/** Who sends these metrics, in OpenTelemetry's terms. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { Config } from './config/schema.ts';
import { version } from './version.ts';

/** Two nodes without an instance id would overwrite each other behind a collector. */
const INSTANCE_ID = randomUUID();

export function serviceResource(config: Config, env = process.env): Resource {
  const node = env.K8S_NODE_NAME ?? env.NODE_NAME;
  return resourceFromAttributes({
    'service.name': 'floatie',
    'service.version': version,
    'service.instance.id': INSTANCE_ID,
    'host.name': hostname(),
    ...(node === undefined ? {} : { 'k8s.node.name': node }),
    ...config.service.telemetry.resource,
  });
}
