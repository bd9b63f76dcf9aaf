/** The OpenTelemetry resource that describes Floatie. */
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import { resourceAttributes } from '../config/resource.ts';
import type { Config } from '../config/schema.ts';

export function serviceResource({ service, inherited }: Config): Resource {
  return resourceFromAttributes(resourceAttributes(service.telemetry.resource, inherited.nodeName));
}
