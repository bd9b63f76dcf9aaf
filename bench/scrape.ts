/** What the parts of a scrape cost, measured in this process. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../src/config/load.ts';
import { Cgroups } from '../src/containers/cgroups.ts';
import { findHierarchy } from '../src/containers/hierarchy.ts';
import { toNs } from '../src/metrics/buckets.ts';
import { MetricRegistry } from '../src/metrics/registry.ts';
import { OverlayfsReceiver } from '../src/receivers/overlayfs/receiver.ts';
import { OverlayfsSource } from '../src/receivers/overlayfs/source.ts';
import { Containers } from './containers.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { sleep } from './stopping.ts';
import { type Calls, SyscallCounter } from './syscall-counter.ts';

const CONTAINERS = 100;
const SCRAPES = 200;
/** Scrapes come far apart in life; between these the machine does something else. */
const PAUSE_MS = 5;

const OBJECTS = fileURLToPath(new URL(`../dist/bpf/${process.arch}/`, import.meta.url));

export const scrape: Part = { title: `A scrape of ${CONTAINERS} containers, taken apart`, measure };

async function measure({ results, rounds }: Bench): Promise<void> {
  using overlay = Overlay.mount();
  using containers = Containers.create(CONTAINERS);
  const { readUs, refreshUs, calls } = await measureInProcess(() => containers.work(overlay.file), rounds(SCRAPES));
  results.add("reading the kernel's counts", 'Floatie', 'µs', ...readUs);
  results.add('the same into series', 'Floatie', 'µs', ...refreshUs);
  results.add('system calls in both', 'Floatie', 'calls', ...calls.map(callsOf));
  results.aim("reading the kernel's counts", 'Floatie', { atMost: 1000 });
  results.aim('system calls in both', 'Floatie', { atMost: 0 });
  results.note(describeCalls(calls));
}

interface InProcess {
  readonly readUs: readonly number[];
  readonly refreshUs: readonly number[];
  readonly calls: readonly Calls[];
}

/** The receiver and the metrics as src/service/service.ts puts them together, in this process. */
async function measureInProcess(work: () => Promise<void>, scrapes: number): Promise<InProcess> {
  const config = loadConfig({ env: {}, set: [] });
  const { version, mount } = findHierarchy();
  const { bounds_us: boundsUs, expire_ms: expireMs } = config.receivers.overlayfs;
  const boundsNs = boundsUs.map(toNs);
  using cleanup = new DisposableStack();
  const receiver = await OverlayfsReceiver.start({
    boundsNs,
    pidNsInum: 0,
    maxMapEntries: config.kernel.max_map_entries,
    maxThreads: config.kernel.max_threads,
    cgroupVersion: version,
    expireMs,
    objects: OBJECTS,
  });
  cleanup.defer(() => receiver.stop());
  const registry = new MetricRegistry([]);
  registry.addSource(new OverlayfsSource(receiver, new Cgroups(mount)), { gridNs: boundsNs, defaultBounds: boundsUs });
  await work();
  registry.refresh(); // names the new cgroups, once
  assertAllCounted(receiver);

  const readUs = await timed(scrapes, () => receiver.read());
  const refreshUs = await timed(scrapes, () => registry.refresh());

  using counter = await SyscallCounter.start();
  const known = counter.count(() => readFileSync('/proc/self/stat'));
  if (known.mainThread.size === 0)
    throw new Missing("the kernel knows this process by another id: its calls can't be counted");
  const calls: Calls[] = [];
  for (let scrape = 0; scrape < scrapes; scrape++) {
    calls.push(
      counter.count(() => {
        receiver.read();
        registry.refresh();
      }),
    );
    await sleep(PAUSE_MS);
  }
  return { readUs, refreshUs, calls };
}

function assertAllCounted(receiver: OverlayfsReceiver): void {
  const busy = receiver.read().filter(({ operations }) => operations.read.sumNs > 0 && operations.write.sumNs > 0);
  if (busy.length < CONTAINERS) throw new Error(`Only ${busy.length} of ${CONTAINERS} cgroups have reads and writes`);
}

async function timed(scrapes: number, work: () => void): Promise<number[]> {
  const times: number[] = [];
  for (let scrape = 0; scrape < scrapes; scrape++) {
    const start = performance.now();
    work();
    times.push((performance.now() - start) * 1000);
    await sleep(PAUSE_MS);
  }
  return times;
}

/** What there was, in all scrapes together: V8 wakes its threads by system calls when it collects garbage or compiles. */
function describeCalls(calls: readonly Calls[]): string {
  const numbers = new Map<number, number>();
  for (const { mainThread } of calls) {
    for (const [nr, count] of mainThread) numbers.set(nr, (numbers.get(nr) ?? 0) + count);
  }
  const named = [...numbers].map(([nr, count]) => `${count} × number ${nr}`).join(', ');
  const others = calls.reduce((sum, { otherThreads }) => sum + otherThreads, 0);
  return `System calls in all ${calls.length} scrapes: ${named === '' ? 'none' : named}, and ${others} of V8's own threads`;
}

function callsOf({ mainThread }: Calls): number {
  return [...mainThread.values()].reduce((sum, count) => sum + count, 0);
}
