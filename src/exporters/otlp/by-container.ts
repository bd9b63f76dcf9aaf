/**
 * Gives each container a resource of its own: processors such as k8sattributes, and most backends, find out by the
 * resource alone what a point or a record belongs to.
 */
import type { Attributes } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { MetricData, ResourceMetrics, ScopeMetrics } from '@opentelemetry/sdk-metrics';
import { OWNER } from '../../containers/attributes.ts';
import { version } from '../../program/version.ts';

/** The attributes of a container's resource. The cgroup stays in its points and records: a container can have several. */
const OF_CONTAINER = Object.keys(OWNER).filter((name) => name !== 'cgroup');

/** Attributes of Floatie's resource that are about Floatie and its pod. The others are about the node. */
const OF_FLOATIE = /^(service|telemetry|process|container)\.|^k8s\.(?!node\.|cluster\.)/;

/** Points that belong to no container stay in Floatie's resource. */
export function metricsByContainer({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics[] {
  const containers = new Containers(resource);
  const all = new Map<Resource, ScopeMetrics[]>();
  for (const { scope, metrics } of scopeMetrics) {
    const inScope = new Map<Resource, MetricData[]>();
    for (const metric of metrics) {
      const points: readonly { readonly attributes: Attributes }[] = metric.dataPoints;
      for (const [owner, group] of Map.groupBy(points, ({ attributes }) => containers.resourceOf(attributes))) {
        const dataPoints = group.map((point) => ({ ...point, attributes: containers.restOf(point.attributes) }));
        push(inScope, owner, { ...metric, dataPoints } as MetricData);
      }
    }
    for (const [owner, metrics] of inScope) push(all, owner, { scope: containers.scopeOf(scope, owner), metrics });
  }
  return Array.from(all, ([owner, scopeMetrics]) => ({ resource: owner, scopeMetrics }));
}

/** Records that belong to no container stay in Floatie's resource. */
export function recordsByContainer(records: readonly ReadableLogRecord[]): ReadableLogRecord[] {
  // A reload may have changed Floatie's resource while records waited.
  const groups = Map.groupBy(records, ({ resource }) => resource);
  return Array.from(groups, ([resource, group]) => {
    const containers = new Containers(resource);
    return group.map((record): ReadableLogRecord => {
      const owner = containers.resourceOf(record.attributes);
      // The values of the SDK's record are getters, which a spread would leave out.
      return Object.create(record, {
        resource: { value: owner },
        instrumentationScope: { value: containers.scopeOf(record.instrumentationScope, owner) },
        attributes: { value: containers.restOf(record.attributes) },
      });
    });
  }).flat();
}

/** The resources of one export. */
class Containers {
  readonly #own: Resource;
  /** The attributes of Floatie's resource that its containers share. */
  readonly #shared: Attributes;
  readonly #resources = new Map<string, Resource>();
  /** The serializer groups by the identity of scopes. */
  readonly #scopes = new Map<InstrumentationScope, InstrumentationScope>();

  constructor(own: Resource) {
    this.#own = own;
    this.#shared = Object.fromEntries(Object.entries(own.attributes).filter(([name]) => !OF_FLOATIE.test(name)));
  }

  resourceOf(attributes: Attributes): Resource {
    if (!hasContainer(attributes)) return this.#own;
    const key = JSON.stringify(OF_CONTAINER.map((name) => attributes[name]));
    const known = this.#resources.get(key);
    if (known !== undefined) return known;
    const names = OF_CONTAINER.filter((name) => attributes[name] !== undefined);
    const container = Object.fromEntries(names.map((name) => [name, attributes[name]]));
    const resource = resourceFromAttributes({ ...this.#shared, ...container });
    this.#resources.set(key, resource);
    return resource;
  }

  /** The attributes that are not in the resource. */
  restOf(attributes: Attributes): Attributes {
    if (!hasContainer(attributes)) return attributes;
    return Object.fromEntries(Object.entries(attributes).filter(([name]) => !OF_CONTAINER.includes(name)));
  }

  /** A container's scope says which Floatie measured it, since the resource does not. */
  scopeOf(scope: InstrumentationScope, resource: Resource): InstrumentationScope {
    if (resource === this.#own) return scope;
    const known = this.#scopes.get(scope);
    if (known !== undefined) return known;
    const instance = 'service.instance.id';
    // The serializer writes attributes, which the type does not have.
    const made = { ...scope, version, attributes: { [instance]: this.#own.attributes[instance] } };
    this.#scopes.set(scope, made);
    return made;
  }
}

function hasContainer(attributes: Attributes): boolean {
  return attributes['container.id'] !== undefined || attributes['k8s.pod.uid'] !== undefined;
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
