/** The single executable, alone with the three libraries that it needs. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import bcrypt from 'bcryptjs';
import { parse } from 'yaml';
import { createCollector, type Point } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { type Metrics, parseMetrics } from '../support/metrics-text.ts';
import { folder, freePort } from '../support/peers.ts';
import { podman, runPodman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SINGLE = join(ROOT, 'dist/floatie');
const PROFILE = join(ROOT, 'config/seccomp.json');
const ADDON = join(ROOT, `node_modules/@yuuang/ffi-rs-linux-${process.arch}-gnu/ffi-rs.linux-${process.arch}-gnu.node`);
const LIBBPF = join(ROOT, '.cache/single/libbpf.so.1');
/** Of glibc are all but the last two. */
const LIBRARIES = /^(ld-linux-.*|lib(c|dl|m|pthread|rt|gcc_s|stdc\+\+)\.so\.\d+)$/;
const READS = 'floatie_overlayfs_read_latency_us_count';
const WRITES = 'floatie_overlayfs_write_latency_us_count';

suite('the single executable', { skip: missing('root', 'btf') }, () => {
  const home = folder();
  /** Nothing but it, the libraries, and dd to do some I/O. */
  const root = join(home.path, 'root');

  before(() => {
    execFileSync('npm', ['run', '--silent', 'build:single'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    const dd = execFileSync('sh', ['-c', 'command -v dd'], { encoding: 'utf8' }).trim();
    const libraries = librariesOf(SINGLE, ADDON, LIBBPF);
    assert.deepEqual(
      libraries.filter((path) => !LIBRARIES.test(basename(path))),
      [],
    );
    for (const path of libraries) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      copyFileSync(path, join(root, path));
    }
    copyFileSync(SINGLE, join(root, 'floatie'));
    copyFileSync(dd, join(root, 'dd'));
  });

  after(() => home[Symbol.dispose]());

  test('counts its own container’s I/O exactly where it is alone, and exports that by OTLP as well', async () => {
    await using collector = await createCollector();
    await collector.start();
    await using floatie = await startSingle([
      ...['--pid-ns-inum', 'self', '--set', `exporters.otlp.endpoint=${collector.endpoint}`],
      ...['--set', `exporters.otlphttp.endpoint=${collector.httpEndpoint}`],
      ...['--set', 'service.pipelines.metrics.exporters=prometheus,otlp,otlphttp'],
      ...['--set', 'exporters.otlp.interval_ms=500', '--set', 'exporters.otlphttp.interval_ms=500'],
    ]);
    const mine = { container_id: floatie.id };
    const counts = async (): Promise<[number, number]> => {
      const metrics = await floatie.scrape();
      return [metrics.sum(READS, mine), metrics.sum(WRITES, mine)];
    };
    const dd = (...args: string[]): string => podman('exec', floatie.id, '/dd', 'bs=1', ...args);
    const steps = [await counts()];
    for (const args of [
      ['if=/dev/zero', 'of=/file', 'count=3000'],
      ['if=/file', 'of=/dev/null', 'count=0'],
      ['if=/file', 'of=/dev/null', 'count=2000'],
    ]) {
      dd(...args);
      steps.push(await counts());
    }
    const [wrote = [], opened = [], read = []] = steps
      .slice(1)
      .map(([reads, writes], index) => [reads - (steps[index]?.[0] ?? 0), writes - (steps[index]?.[1] ?? 0)]);
    // The loader reads as well, each time alike.
    const byLoader = opened[0] ?? 0;
    assert.deepEqual(
      [wrote, read],
      [
        [byLoader, 3000],
        [byLoader + 2000, 0],
      ],
    );

    const [, writes = 0] = steps.at(-1) ?? [];
    const received = (): Point[] =>
      collector
        .exports()
        .flatMap(({ points }) => points)
        .filter(({ name, attributes }) => `${name}_count` === WRITES && attributes['container.id'] === floatie.id);
    await eventually('both have exported it', async () => {
      const metrics = await floatie.scrape();
      const ways = ['otlp', 'otlphttp'].map((exporter) =>
        metrics.sum('floatie_otlp_exports_total', { exporter, outcome: 'success' }),
      );
      return ways.every((exports) => exports >= 2) && received().filter(({ value }) => value === writes).length >= 2;
    });
    assert.equal(floatie.stop(), 0);
  });
  const readOnly = ['--read-only', '--read-only-tmpfs=false'];
  for (const [what, flags] of [
    ['a read-only root and a /tmp', [...readOnly, '--tmpfs', '/tmp']],
    [
      'a read-only root and what podman mounts then, of which /tmp runs no programs',
      ['--read-only', '--tmpfs', '/tmp:noexec'],
    ],
    ['a read-only root and a folder that TMPDIR names', [...readOnly, '--tmpfs', '/mine', '-e', 'TMPDIR=/mine']],
    ['no /tmp at all', []],
  ] as const) {
    test(`runs with ${what}`, async () => {
      await using floatie = await startSingle([], flags);
      assert.equal(floatie.stop(), 0);
    });
  }

  for (const [what, flags] of [
    ['can be written to', readOnly],
    ['runs programs', [...readOnly, '--tmpfs', '/tmp:noexec']],
  ] as const) {
    test(`says what helps where no folder ${what}`, () => {
      const { status, stderr } = runIn(root, ...flags);
      assert.equal(status, 1);
      assert.match(stderr, /^floatie: Cannot load ffi-rs\.node out of this executable: .*--tmpfs \/tmp:exec/m);
    });
  }

  test('is not started without libstdc++, which the loader says', () => {
    using less = folder();
    cpSync(root, less.path, { recursive: true });
    for (const path of librariesOf(SINGLE)) if (path.includes('libstdc++')) rmSync(join(less.path, path));
    const { status, stderr } = runIn(less.path);
    assert.equal(status, 127);
    assert.match(stderr, /error while loading shared libraries: libstdc\+\+\.so\.6: cannot open shared object file/);
  });

  test('needs no newer glibc than Node', () => {
    assert.deepEqual(newestGlibc(ADDON, LIBBPF, process.execPath), newestGlibc(process.execPath));
  });

  test('is made of the same bytes each time', () => {
    const hash = (): string => execFileSync('sha256sum', [SINGLE], { encoding: 'utf8' });
    const before = hash();
    execFileSync('npm', ['run', '--silent', 'build:single'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
    assert.equal(hash(), before);
  });

  for (const args of [
    ['--version'],
    ['--help'],
    ['validate', '--config', 'config/floatie.yaml'],
    ['validate', '--set', 'no.such.key=1'],
    ['--no-such-flag'],
    ['print-config'],
  ]) {
    test(`says and ends as dist/ does: floatie ${args.join(' ')}`, () => {
      const outcome = (command: string, ...before: string[]) => {
        const { status, stdout, stderr } = spawnSync(command, [...before, ...args], { cwd: ROOT, encoding: 'utf8' });
        return { status, stdout, stderr };
      };
      assert.deepEqual(outcome(SINGLE), outcome(process.execPath, MAIN));
    });
  }

  test('has its doctor, to whom libbpf and the programs are there', () => {
    const { stdout } = spawnSync(SINGLE, ['doctor', '--json'], { encoding: 'utf8' });
    const checks = parse(stdout) as { name: string; verdict: string }[];
    const verdicts = checks.filter(({ name }) => ['libbpf', 'programs', 'start'].includes(name));
    assert.deepEqual(
      verdicts.map(({ verdict }) => verdict),
      ['ok', 'ok', 'ok'],
    );
  });

  test('has the licenses of all that is inside', () => {
    const text = execFileSync(SINGLE, ['--licenses'], { encoding: 'utf8', maxBuffer: 1 << 24 });
    const names = [...text.matchAll(/^={80}\n(.*)\n={80}$/gm)].map(([, name = '']) => name.split(' ')[0]);
    assert.deepEqual(names.slice(0, 2), ['Floatie', 'Node']);
    for (const name of ['ffi-rs', '@opentelemetry/api', '@grpc/grpc-js', 'libbpf-dev', 'libelf-dev', 'zlib1g-dev']) {
      assert.ok(names.includes(name), name);
    }
  });

  test('asks for passwords, which are compared in a thread of its own', async () => {
    writeFileSync(join(home.path, 'web.yml'), `basic_auth_users: {alice: ${bcrypt.hashSync('secret', 4)}}\n`);
    await using floatie = await startFloatie(
      ['--set', `exporters.prometheus.web_config_file=${join(home.path, 'web.yml')}`],
      { command: [SINGLE] },
    );
    const statusFor = async (password: string): Promise<number> => {
      const authorization = `Basic ${Buffer.from(`alice:${password}`).toString('base64')}`;
      return (await fetch(floatie.url, { headers: { authorization } })).status;
    };
    assert.deepEqual([await statusFor('secret'), await statusFor('guess')], [200, 401]);
    assert.equal(await floatie.stop(), 0);
  });

  test('refuses to run with capabilities of its file, whose libraries others of the same user could swap', {
    skip: missing('setcap'),
  }, () => {
    using open = folder();
    chmodSync(open.path, 0o755);
    const copy = join(open.path, 'floatie');
    copyFileSync(SINGLE, copy);
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    execFileSync('setcap', ['cap_bpf,cap_perfmon+ep', copy], { env });
    const { status, stderr } = spawnSync(
      'setpriv',
      ['--reuid=65534', '--regid=65534', '--clear-groups', copy, '--set', 'exporters.prometheus.port=0'],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(status, 1);
    assert.match(stderr, /^floatie: Cannot run .* with capabilities of its file: .*setcap -r .*AmbientCapabilities/m);
  });

  /** In a container of its own, with the two least capabilities. */
  async function startSingle(args: readonly string[], flags: readonly string[] = []): Promise<Single> {
    const port = await freePort();
    const container = startContainer(
      ...['--network=host', '--cap-drop', 'ALL', '--cap-add', 'BPF', '--cap-add', 'PERFMON'],
      ...['--security-opt', `seccomp=${PROFILE}`, '-v', '/sys/fs/cgroup:/sys/fs/cgroup:ro', ...flags],
      ...['--rootfs', `${root}:O`, '/floatie', '--set', `exporters.prometheus.port=${port}`, ...args],
    );
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
    try {
      await eventually('it is ready', () =>
        get('/readyz').then(
          ({ ok }) => ok,
          () => false,
        ),
      );
    } catch (error) {
      const { stderr } = runPodman('logs', container.id);
      container[Symbol.dispose]();
      throw new Error(`${(error as Error).message}\n${stderr}`);
    }
    return {
      id: container.id,
      scrape: async () => parseMetrics(await (await get('/metrics')).text()),
      stop() {
        podman('stop', '--time', '10', container.id);
        return Number(podman('inspect', '--format', '{{.State.ExitCode}}', container.id));
      },
      async [Symbol.asyncDispose]() {
        container[Symbol.dispose]();
      },
    };
  }

  function runIn(folder: string, ...flags: string[]) {
    return runPodman(
      'run',
      '--rm',
      '--ulimit',
      'host',
      '--network=none',
      ...flags,
      '--rootfs',
      `${folder}:O`,
      '/floatie',
    );
  }
});

interface Single extends AsyncDisposable {
  readonly id: string;
  scrape(): Promise<Metrics>;
  /** @returns the exit code */
  stop(): number;
}

/** The paths of the shared libraries that these are linked with, and of those that these need. */
function librariesOf(...files: string[]): string[] {
  const listed = execFileSync('ldd', files, { encoding: 'utf8' });
  return [...new Set(Array.from(listed.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm), ([, path = '']) => path))];
}

/** The newest version of glibc that one of them asks for. */
function newestGlibc(...files: string[]): number {
  const symbols = execFileSync('objdump', ['-T', ...files], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return Math.max(...Array.from(symbols.matchAll(/\(GLIBC_2\.(\d+)/g), ([, minor]) => Number(minor)));
}
