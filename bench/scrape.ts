/** What a scrape of a hundred containers costs: reading the kernel's counts, and the whole of it. */
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
import { Floatie } from './floatie.ts';
import { Missing } from './missing.ts';
import { Overlay } from './overlay.ts';
import { formatSpread, type Spread, spreadOf } from './statistics.ts';
import { sleep } from './stopping.ts';
import { type Calls, SyscallCounter } from './syscall-counter.ts';
import { judge, printTable } from './table.ts';

const CONTAINERS = 100;
const SCRAPES = 200;
/** Scrapes come far apart in life; between these the machine does something else. */
const PAUSE_MS = 5;

const AIM_US = 1000;

const OBJECTS = fileURLToPath(new URL(`../dist/bpf/${process.arch}/`, import.meta.url));

export async function measureScrape(): Promise<void> {
  using overlay = Overlay.mount();
  using containers = Containers.create(CONTAINERS);
  const { readUs, refreshUs, calls } = await measureInProcess(() => containers.work(overlay.file));
  const { scrapeMs, bytes } = await measureOverHttp(() => containers.work(overlay.file));

  const callsAScrape = spreadOf(calls.map(callsOf));
  printTable(
    `A scrape with ${CONTAINERS} containers`,
    ['', 'takes', 'aim'],
    [
      ["reading the kernel's counts, µs", formatSpread(readUs), judge('at most 1 ms', readUs.median <= AIM_US)],
      ['the same into series, µs', formatSpread(refreshUs), judge('at most 1 ms', refreshUs.median <= AIM_US)],
      ['system calls in both', formatSpread(callsAScrape), judge('none', callsAScrape.median === 0)],
      [`the whole, by HTTP (${Math.round(bytes / 1000)} kB), ms`, formatSpread(scrapeMs, 1)],
    ],
  );
  process.stdout.write(`  ${describeCalls(calls)}\n`);
}

interface InProcess {
  readonly readUs: Spread;
  readonly refreshUs: Spread;
  readonly calls: readonly Calls[];
}

/** The receiver and the metrics as src/service/service.ts puts them together, in this process. */
async function measureInProcess(work: () => Promise<void>): Promise<InProcess> {
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

  const readUs = await timed(() => receiver.read());
  const refreshUs = await timed(() => registry.refresh());

  using counter = await SyscallCounter.start();
  const known = counter.count(() => readFileSync('/proc/self/stat'));
  if (known.mainThread.size === 0)
    throw new Missing("the kernel knows this process by another id: its calls can't be counted");
  const calls: Calls[] = [];
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
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

async function timed(work: () => void): Promise<Spread> {
  const times: number[] = [];
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const start = performance.now();
    work();
    times.push((performance.now() - start) * 1000);
    await sleep(PAUSE_MS);
  }
  return spreadOf(times);
}

async function measureOverHttp(work: () => Promise<void>): Promise<{ scrapeMs: Spread; bytes: number }> {
  await using floatie = await Floatie.start();
  await work();
  const first = await floatie.scrape();
  const series = first.match(/^floatie_overlayfs_read_latency_us_count/gm)?.length ?? 0;
  if (series < CONTAINERS) throw new Error(`Only ${series} of ${CONTAINERS} cgroups are in the scrape`);
  const times: number[] = [];
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const start = performance.now();
    await floatie.scrape();
    times.push(performance.now() - start);
    await sleep(PAUSE_MS);
  }
  return { scrapeMs: spreadOf(times), bytes: Buffer.byteLength(first) };
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
