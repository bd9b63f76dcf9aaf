/**
 * Each query of docs/recipes.md has an answer in a real Prometheus that scrapes Floatie and node_exporter, and a stand-in
 * with the labels that kubelet's cAdvisor and kube-state-metrics have.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { parse } from 'yaml';
import { TASKS } from '../../src/containers/name-readers.ts';
import { type Cgroup, createCgroup } from '../support/cgroup.ts';
import type { Database } from '../support/database.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { mountOverlay } from '../support/overlay.ts';
import { folder, freePort, peer, startDaemon } from '../support/peers.ts';
import { runPrometheus } from '../support/prometheus.ts';
import { missing } from '../support/requirements.ts';
import { RULES, readRules } from '../support/rules.ts';

const PAGE = readFileSync(new URL('../../docs/recipes.md', import.meta.url), 'utf8');
const UID = '5f1e8c5a-0d0b-4c5e-9a37-3c1f0e9b7a21';
const ID = 'c0ffee00'.repeat(8);
const POD = { namespace: 'shop', pod: 'checkout-7d4b9c6f5-x2x5q' };

suite('of the recipes for Prometheus', { skip: missing('root', 'btf') }, () => {
  const stack = new AsyncDisposableStack();
  let prometheus: Database;

  before(async () => {
    const parent = stack.use(createCgroup('', `kubepods-floatie-${process.pid}`));
    const pod = stack.use(createCgroup('', `${parent.name.slice(1)}/pod${UID}`));
    const container = stack.use(createCgroup('', `${pod.name.slice(1)}/${ID}`));
    limitMemory([parent, pod], container);
    const places = stack.use(folder());
    writeBundle(places.path);
    const floatie = stack.use(await startFloatie(['--set', `containers.places.containerd=[${places.path}]`]));
    const node = `127.0.0.1:${await freePort()}`;
    stack.use(startDaemon(peer('node-exporter'), [`--web.listen-address=${node}`]));
    const others = stack.use(await startOthers(container.name));
    stack.use(startWork(container));
    prometheus = stack.use(await startPrometheus({ floatie: new URL(floatie.url).host, node, others: others.host }));
  });
  after(() => stack.disposeAsync());

  for (const query of blocks('promql')) {
    test(query.split('\n')[0] ?? '', async () => {
      await eventually('it has rows', async () => (await askFor(query)).length > 0);
    });
  }

  test('the alert would fire for a container that is slow enough, with its name', async () => {
    const [{ expr } = { expr: '' }] = rulesOf(blocks('yml').find((text) => text.includes('alert:')) ?? '');
    const [slow = { metric: {} }] = await eventually('reads have a p99', async () => {
      const rows = await askFor(expr.replace('> 20', '> 0'));
      return rows.length > 0 && rows;
    });
    assert.equal((slow.metric as Record<string, string>).container_name, 'app');
  });

  const askFor = (query: string) => prometheus.query(query);
});

/** The texts of the page's blocks in a language. */
function blocks(language: string): string[] {
  return Array.from(PAGE.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms')), ([, text = '']) => text);
}

function rulesOf(text: string): { expr: string }[] {
  return (parse(text) as { groups: { rules: { expr: string }[] }[] }).groups.flatMap(({ rules }) => rules);
}

function limitMemory(parents: readonly Cgroup[], { path }: Cgroup): void {
  const isV1 = existsSync(join(path, 'memory.limit_in_bytes'));
  if (!isV1) for (const parent of parents) writeFileSync(join(parent.path, 'cgroup.subtree_control'), '+memory');
  writeFileSync(join(path, isV1 ? 'memory.limit_in_bytes' : 'memory.max'), '67108864');
}

/** As containerd leaves it for a container of Kubernetes. */
function writeBundle(state: string): void {
  const bundle = join(state, TASKS, 'k8s.io', ID);
  mkdirSync(bundle, { recursive: true });
  const annotations = {
    'io.kubernetes.cri.container-name': 'app',
    'io.kubernetes.cri.sandbox-name': POD.pod,
    'io.kubernetes.cri.sandbox-namespace': POD.namespace,
  };
  writeFileSync(join(bundle, 'config.json'), JSON.stringify({ annotations }));
}

/** The jobs are relabelled as the page says. */
function startPrometheus(hosts: { floatie: string; node: string; others: string }): Promise<Database> {
  const relabelling = Object.assign({}, ...blocks('yml').map((text) => parse(text)));
  const { relabel_configs, metric_relabel_configs } = relabelling;
  const job = (job_name: string, target: string, more: object) => ({
    ...{ job_name, static_configs: [{ targets: [target] }] },
    ...more,
  });
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: [
      job('floatie', hosts.floatie, { relabel_configs, metric_relabel_configs }),
      job('node', hosts.node, { relabel_configs }),
      job('others', hosts.others, {}),
    ],
  };
  const rules = readRules(RULES).filter(({ record }) => record !== undefined);
  return runPrometheus({
    'prometheus.yml': JSON.stringify(config),
    'rules.yml': JSON.stringify({ groups: [{ name: 'records', rules }] }),
  });
}

/** Reads and writes all the time. */
/** Writes and reads; some reads wait, since a file is larger than the container's memory. */
function startWork({ wrap }: Cgroup): AsyncDisposable {
  const overlay = mountOverlay();
  const large = join(overlay.path, 'large');
  writeFileSync(large, '');
  truncateSync(large, 128 << 20);
  const script = `while :; do
    dd if=/dev/zero of="$1" bs=4k count=50 status=none
    for file; do dd if="$file" of=/dev/null bs=4k status=none; done
    sleep 0.2
  done`;
  const [command, args] = wrap('sh', '-c', script, 'sh', join(overlay.path, 'file'), large);
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  const exited = once(child, 'exit');
  return {
    async [Symbol.asyncDispose]() {
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await exited;
      await eventually('nobody uses the overlay', () => {
        try {
          overlay[Symbol.dispose]();
          return true;
        } catch {
          return false;
        }
      });
    },
  };
}

async function startOthers(cgroup: string): Promise<AsyncDisposable & { readonly host: string }> {
  const labels = (pairs: Record<string, string>): string =>
    `{${Object.entries(pairs)
      .map(([name, value]) => `${name}="${value}"`)
      .join()}}`;
  const image = 'registry.example/checkout:1.4';
  const ofContainer = labels({ container: 'app', id: cgroup, image, name: ID, ...POD });
  const ofDisk = labels({ container: 'app', device: '/dev/vda', id: cgroup, image, name: ID, ...POD });
  const ofPod = { ...POD, uid: UID };
  const owner = { owner_kind: 'ReplicaSet', owner_name: 'checkout-7d4b9c6f5', owner_is_controller: 'true' };
  const limit = { node: 'node-1', container: 'app', resource: 'memory', unit: 'byte' };
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/plain; version=0.0.4');
    response.end(`container_fs_writes_bytes_total${ofDisk} ${Math.round(process.uptime() * 1000)}
container_memory_working_set_bytes${ofContainer} 65000000
container_spec_memory_limit_bytes${ofContainer} 67108864
kube_pod_owner${labels({ ...ofPod, ...owner })} 1
kube_pod_labels${labels({ ...ofPod, label_team: 'orders' })} 1
kube_pod_container_resource_limits${labels({ ...ofPod, ...limit })} 67108864
`);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
