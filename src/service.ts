/** The whole way of the data, from the kernel's counts to the exporters; stopping goes the other way. */
import { fileURLToPath } from 'node:url';
import { AggregationTemporality, MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Config } from './config/schema.ts';
import { Cgroups } from './containers/cgroups.ts';
import { findHierarchy } from './containers/hierarchy.ts';
import { resolvePidNamespace } from './containers/pid-namespace.ts';
import { PrometheusEndpoint } from './exporters/prometheus.ts';
import { Health } from './health.ts';
import type { Logger } from './log.ts';
import { toNs, unionOfBounds } from './metrics/buckets.ts';
import { observeProcess, observeSelf } from './metrics/instruments.ts';
import { KernelMetrics } from './metrics/kernel-metrics.ts';
import { OverlayfsSource, overlayfsMetrics } from './metrics/overlayfs.ts';
import { createProducer, SCOPE } from './metrics/producer.ts';
import { streamsOf } from './metrics/streams.ts';
import { viewOptions } from './metrics/views.ts';
import { OverlayfsReceiver } from './receivers/overlayfs.ts';
import { serviceResource } from './resource.ts';

export interface Service {
  /** Where the metrics are, such as `http://127.0.0.1:9090/metrics`. */
  readonly url: string;
  /** Closes the exporters and detaches the probes. Safe to call twice. */
  stop(): Promise<void>;
}

/** The compiled programs of this architecture, beside the compiled TypeScript. */
const OBJECTS = fileURLToPath(new URL(`../dist/bpf/${process.arch}/`, import.meta.url));

/** How often cgroups that appeared are given their names, in ms: soon, before they are gone again. */
const LEARN_MS = 1000;

/** Starts everything the configuration asks for. Throws, with nothing left behind, when it cannot. */
export async function startService(config: Config, log: Logger): Promise<Service> {
  const { prometheus } = config.exporters;
  const { overlayfs } = config.receivers;
  const { max_map_entries: maxMapEntries } = config.kernel;
  const views = viewOptions(config.views);
  const health = new Health(log);

  const kernel = new KernelMetrics(views);
  const endpoint = new PrometheusEndpoint({
    host: prometheus.host,
    port: prometheus.port,
    timeoutMs: prometheus.timeout_ms,
    producers: [createProducer(kernel, AggregationTemporality.CUMULATIVE)],
    readiness: () => health.readiness(),
    onError: (error) => health.collectFailed(error),
  });
  const provider = new MeterProvider({ resource: serviceResource(config), views, readers: [endpoint.reader] });
  // First, so that a port in use is known before anything is loaded.
  const url = await endpoint.start();

  let receiver: OverlayfsReceiver;
  const hierarchy = findHierarchy();
  const gridNs = unionOfBounds([overlayfs.bounds_us, ...boundsOf(views)].map((bounds) => bounds.map(toNs)));
  try {
    receiver = OverlayfsReceiver.start({
      boundsNs: gridNs,
      pidNsInum: resolvePidNamespace(config.kernel.pid_ns_inum, log),
      maxMapEntries,
      cgroupVersion: hierarchy.version,
      expireMs: overlayfs.expire_ms,
      objects: OBJECTS,
    });
  } catch (error) {
    await endpoint.stop();
    throw error;
  }
  const source = new OverlayfsSource(receiver, new Cgroups(hierarchy.mount));
  kernel.addSource(source, gridNs, overlayfs.bounds_us);
  health.attached('overlayfs', receiver.method);

  const meter = provider.getMeter(SCOPE.name);
  observeProcess(meter);
  observeSelf(meter, receiver, health);

  const timers = [
    every(LEARN_MS, () => source.learn(), log),
    every(clamp(overlayfs.expire_ms / 10, 200, 10_000), () => kernel.end(source.retire()), log),
  ];
  const cgroups = `v${hierarchy.version} at ${hierarchy.mount ?? 'no visible mount, so that they have no names'}`;
  log.info('Floatie is measuring', { url, overlayfs: receiver.method, cgroups });

  return {
    url,
    async stop() {
      timers.forEach(clearInterval);
      await endpoint.stop();
      receiver.stop();
    },
  };
}

/** The bounds that views ask for. */
function boundsOf(views: ReturnType<typeof viewOptions>): (readonly number[])[] {
  return overlayfsMetrics.flatMap((metric) => streamsOf(metric, views)).map(({ bounds }) => bounds ?? []);
}

function every(ms: number, work: () => void, log: Logger): NodeJS.Timeout {
  const timer = setInterval(() => {
    try {
      work();
    } catch (error) {
      log.error(`Cannot look after the series: ${(error as Error).message}`);
    }
  }, ms);
  return timer.unref();
}

function clamp(value: number, minimum: number, maximum: number): number {
  return Math.min(Math.max(value, minimum), maximum);
}
