import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Attributes } from '@opentelemetry/api';
import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, type ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { metricsByContainer, recordsByContainer } from '../../../src/exporters/otlp/by-container.ts';
import { version } from '../../../src/program/version.ts';
import { collection, counter, gauge } from '../../support/metric-data.ts';

const NODE = { 'host.name': 'node-1', 'k8s.node.name': 'node-1', 'k8s.cluster.name': 'east', team: 'storage' };
const FLOATIE = {
  ...{ 'service.name': 'floatie', 'service.version': '1', 'service.instance.id': 'i-1', 'telemetry.sdk.name': 'x' },
  ...{
    'process.pid': '1',
    'container.id': 'of-floatie',
    'k8s.pod.uid': 'of-floatie',
    'k8s.namespace.name': 'of-floatie',
  },
};

/** Points as `resource's values|point's attributes=value`, by metric. */
function shown(all: readonly ResourceMetrics[]): string[] {
  return all.flatMap(({ resource, scopeMetrics }) =>
    scopeMetrics.flatMap(({ metrics }) =>
      metrics.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => {
          const own =
            resource.attributes['service.name'] === undefined ? resource.attributes['container.id'] : 'Floatie';
          return `${own} ${descriptor.name} ${JSON.stringify(attributes)} ${value}`;
        }),
      ),
    ),
  );
}

const web = { cgroup: '/docker/web', 'container.id': 'web', 'container.name': 'shop' };
const inWeb = { ...web, cgroup: '/docker/web/worker' };
const db = { cgroup: '/kubepods/pod1/db', 'container.id': 'db', 'k8s.pod.uid': 'pod-1' };

suite('a resource for each container', () => {
  test('each point is in the resource of its container, with the attributes that are not in the resource', () => {
    const metrics = [
      counter('kills_total', [
        { attributes: {}, value: 0 },
        { attributes: { ...web, scope: 'memcg' }, value: 3 },
        { attributes: { ...db, scope: 'memcg' }, value: 4 },
        { attributes: { ...web, scope: 'node' }, value: 5 },
      ]),
      gauge('score', [
        { attributes: { cgroup: '/system.slice/ssh.service' }, value: 6 },
        { attributes: inWeb, value: 7 },
        { attributes: { 'otel.metric.overflow': true }, value: 8 },
      ]),
    ];
    assert.deepEqual(shown(metricsByContainer(collection(metrics, { ...FLOATIE, ...NODE }))), [
      'Floatie kills_total {} 0',
      'Floatie score {"cgroup":"/system.slice/ssh.service"} 6',
      'Floatie score {"otel.metric.overflow":true} 8',
      'web kills_total {"cgroup":"/docker/web","scope":"memcg"} 3',
      'web kills_total {"cgroup":"/docker/web","scope":"node"} 5',
      'web score {"cgroup":"/docker/web/worker"} 7',
      'db kills_total {"cgroup":"/kubepods/pod1/db","scope":"memcg"} 4',
    ]);
  });

  test('it has what is known of the node and the container, and nothing of Floatie; its scope says which Floatie', () => {
    const [first] = metricsByContainer(
      collection([counter('a', [{ attributes: db, value: 1 }])], { ...FLOATIE, ...NODE }),
    );
    assert.deepEqual(first?.resource.attributes, { ...NODE, 'container.id': 'db', 'k8s.pod.uid': 'pod-1' });
    assert.deepEqual(first?.scopeMetrics[0]?.scope, {
      ...{ name: 'test', version },
      attributes: { 'service.instance.id': 'i-1' },
    });
  });

  test('a whole pod has one as well; names without an id make none', () => {
    const pod = { 'k8s.pod.uid': 'pod-1', cgroup: '/kubepods/pod1' };
    const all = metricsByContainer(
      collection(
        [
          gauge('a', [
            { attributes: pod, value: 1 },
            { attributes: { 'k8s.pod.name': 'x' }, value: 2 },
          ]),
        ],
        FLOATIE,
      ),
    );
    assert.deepEqual(
      all.map(({ resource: { attributes } }) => attributes),
      [{ 'k8s.pod.uid': 'pod-1' }, FLOATIE],
    );
  });

  test('several scopes stay apart, and Floatie keeps its own as it is', () => {
    const own = { name: 'self', metrics: [counter('own', [{ value: 1 }])] };
    const both = collection([counter('a', [{ attributes: web, value: 1 }])], FLOATIE);
    const all = metricsByContainer({
      ...both,
      scopeMetrics: [...both.scopeMetrics, { scope: { name: own.name }, metrics: own.metrics }],
    });
    assert.deepEqual(
      all.map(({ scopeMetrics }) => scopeMetrics.map(({ scope, metrics }) => [scope.name, metrics.length])),
      [[['test', 1]], [['self', 1]]],
    );
    assert.deepEqual(all[1]?.scopeMetrics[0]?.scope, { name: 'self' });
  });

  test('records are in the resource of their container, of the resource that they were made with, and otherwise the same', () => {
    const records = (resource: Attributes, ...all: Attributes[]): ReadableLogRecord[] => {
      const made: ReadableLogRecord[] = [];
      const processor = {
        onEmit: (record: ReadableLogRecord) => void made.push(record),
        ...{ forceFlush: async () => undefined, shutdown: async () => undefined },
      };
      const provider = new LoggerProvider({ resource: resourceFromAttributes(resource), processors: [processor] });
      const logger = provider.getLogger('floatie');
      for (const attributes of all) {
        logger.emit({ eventName: 'oom.kill', timestamp: 5, severityText: 'WARN', body: 'killed', attributes });
      }
      return made;
    };
    const before = records({ ...FLOATIE, 'k8s.node.name': 'old' }, { ...web, victim_comm: 'a' });
    const after = records({ ...FLOATIE, ...NODE }, { ...web, victim_comm: 'b' }, { cgroup: '/init' }, { ...web });
    const request = (all: ReadableLogRecord[]): Sent =>
      JSON.parse(new TextDecoder().decode(JsonLogsSerializer.serializeRequest(all)));
    const flat = request([...before, ...after]);
    const { resourceLogs } = request(recordsByContainer([...before, ...after]));
    const texts = (list: readonly KeyValue[] = []): string[] =>
      list.map(({ key, value }) => `${key}=${value.stringValue}`);
    assert.deepEqual(
      resourceLogs.map(({ resource }) => texts(resource.attributes)),
      [
        ['k8s.node.name=old', 'container.id=web', 'container.name=shop'],
        [...Object.entries(NODE).map((pair) => pair.join('=')), 'container.id=web', 'container.name=shop'],
        Object.entries({ ...FLOATIE, ...NODE }).map((pair) => pair.join('=')),
      ],
    );
    assert.deepEqual(
      resourceLogs.map(({ scopeLogs }) =>
        scopeLogs.map(({ scope, logRecords }) => [texts(scope.attributes), logRecords.length]),
      ),
      [[[['service.instance.id=i-1'], 1]], [[['service.instance.id=i-1'], 2]], [[[], 1]]],
    );
    const bare = ({ resourceLogs }: Sent): string[] =>
      resourceLogs
        .flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
        .map(({ attributes, observedTimeUnixNano, ...rest }) => JSON.stringify(rest));
    assert.deepEqual(bare({ resourceLogs }), bare(flat));
    assert.deepEqual(texts(resourceLogs[0]?.scopeLogs[0]?.logRecords[0]?.attributes), [
      'cgroup=/docker/web',
      'victim_comm=a',
    ]);
  });
});

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string };
}

interface Sent {
  readonly resourceLogs: readonly {
    readonly resource: { readonly attributes: KeyValue[] };
    readonly scopeLogs: readonly {
      readonly scope: { readonly attributes?: KeyValue[] };
      readonly logRecords: readonly { readonly attributes: KeyValue[]; readonly observedTimeUnixNano: string }[];
    }[];
  }[];
}
