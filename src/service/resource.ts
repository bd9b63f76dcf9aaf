/** The OpenTelemetry resource that describes Floatie. */
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { resourceAttributes } from '../config/resource.ts';
import type { Config } from '../config/schema.ts';

export function serviceResource(config: Config, env = process.env): Resource {
  return resourceFromAttributes(resourceAttributes(config.service.telemetry.resource, env));
}
