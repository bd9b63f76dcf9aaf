/** Two Floaties that measure containers under load, and a Prometheus that scrapes them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { countPrograms } from './bpf-stats.ts';
import { createCgroup } from './cgroup.ts';
import { createCollector } from './collector.ts';
import type { Series } from './database.ts';
import { type Floatie, startFloatie } from './floatie.ts';
import { type Query, substitute } from './grafana.ts';
import { type Load, startLoad } from './load.ts';
import { mountOverlay } from './overlay.ts';
import { freePort } from './peers.ts';
import { podmanEnv } from './podman.ts';
import { type Prometheus, startPrometheus } from './prometheus.ts';

export interface Monitoring extends AsyncDisposable {
  readonly load: Load;
  /** The Floatie that has room for all cgroups, exports OTLP and names containers; the other has room for one cgroup. */
  readonly floatie: Floatie;
  readonly prometheus: Prometheus;
  /** What Grafana would show of the last half minute. */
  ask(query: Query): Promise<Series[]>;
}

/** @param rules the path of the rules that Prometheus evaluates */
export async function startMonitoring(rules: string): Promise<Monitoring> {
  await using stack = new AsyncDisposableStack();
  stack.use(countPrograms());
  const collector = stack.use(await createCollector());
  await collector.start();
  const load = stack.use(await startLoad([150_000]));
  const { CONTAINERS_STORAGE_CONF = '' } = podmanEnv();
  const floatie = stack.use(
    await startFloatie(
      [
        ...['--set', 'containers.names=true', '--set', 'containers.exclude=["/floatie-left-*"]'],
        ...['--set', `exporters.otlp.endpoint=${collector.endpoint}`, '--set', 'exporters.otlp.interval_ms=1000'],
      ],
      { env: { CONTAINERS_STORAGE_CONF } },
    ),
  );
  const small = stack.use(await startFloatie(['--max-map-entries', '1']));
  stack.use(startLeftOut());
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const prometheus = stack.use(await startPrometheus([floatie.url, small.url, nobody], { rules }));
  const owned = stack.move();
  return {
    ...{ load, floatie, prometheus },
    async ask({ expr, isInstant }) {
      const view = { rangeS: 30, stepS: 1, scrapeS: 1 };
      const now = Date.now() / 1000;
      const query = substitute(expr, view);
      return isInstant ? prometheus.query(query) : prometheus.queryRange(query, now - view.rangeS, now, view.stepS);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A process in a cgroup that is left out. */
function startLeftOut(): AsyncDisposable {
  const stack = new AsyncDisposableStack();
  const overlay = stack.use(mountOverlay());
  const cgroup = stack.use(createCgroup('left'));
  const script = 'while :; do dd if=/dev/zero of="$1" bs=1 count=10 status=none; sleep 0.2; done';
  const [command, args] = cgroup.wrap('sh', '-c', script, 'sh', join(overlay.path, 'file'));
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  const exited = once(child, 'exit');
  stack.defer(async () => {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await exited;
  });
  return stack;
}
