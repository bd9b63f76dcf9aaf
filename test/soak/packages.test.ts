/** The packages for Debian and for rpm: installed, upgraded and removed in a Debian root, and the same bytes twice. */
import assert from 'node:assert/strict';
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { makeDeb } from '../../scripts/packages/deb.ts';
import { type PackageFile, writeRoot } from '../../scripts/packages/root.ts';
import { makeRpm } from '../../scripts/packages/rpm.ts';
import { startFloatie } from '../support/floatie.ts';
import { folder } from '../support/peers.ts';
import { BASE, podmanEnv } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const OUT = join(ROOT, 'out');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
const CONFIG = 'etc/floatie/floatie.yaml';
const OWN = 'service: { telemetry: { log_level: warn } }\n';
/** Mounts what Floatie reads in a root of its own, and runs it there. */
const IN_ROOT = 'mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && exec chroot "$@"';

suite('packages', { skip: missing('root', 'btf') }, () => {
  const home = folder();
  /** The next version, of another configuration, which needs no real executable. */
  let next: Parameters<typeof makeDeb>[0];

  before(() => {
    // Whose path is one of this machine: the executable would make it in each root.
    delete process.env.NODE_COMPILE_CACHE;
    build();
    const root = join(home.path, 'root');
    const parts = { executable: '/bin/true', licenses: join(ROOT, 'LICENSE'), sbom: '{}' };
    const files: PackageFile[] = writeRoot(root, parts, 0);
    appendFileSync(join(root, CONFIG), '# of the next version\n');
    next = {
      arch: 'x64',
      version: '99.0.0',
      description: 'Next',
      root,
      files,
      maintainer: 'Next <next@localhost>',
      epoch: 0,
    };
  });

  after(() => home[Symbol.dispose]());

  const kinds = [
    {
      kind: 'deb',
      prepare: () => undefined,
      install: (root: string) => dpkg(root, '--install', copied(root, `floatie_${version}_amd64.deb`)),
      upgrade: (root: string) => dpkg(root, '--force-confold', '--install', copied(root, makeDeb(next, home.path), '')),
      newConfig: `${CONFIG}.dpkg-dist`,
      remove: (root: string) => {
        dpkg(root, '--remove', 'floatie');
        assert.ok(existsSync(join(root, CONFIG)), 'the configuration stays until it is purged');
        dpkg(root, '--purge', 'floatie');
      },
    },
    {
      kind: 'rpm',
      prepare: (root: string) => run('rpm', ['--root', root, '--initdb']),
      install: (root: string) => rpm(root, '--install', '--nodeps', join(OUT, `floatie-${version}-1.x86_64.rpm`)),
      upgrade: (root: string) => rpm(root, '--upgrade', '--nodeps', makeRpm(next, home.path)),
      newConfig: `${CONFIG}.rpmnew`,
      remove: (root: string) => {
        rpm(root, '--erase', 'floatie');
        // rpm keeps what was changed, and what it did not put in its place.
        run('rm', [join(root, `${CONFIG}.rpmsave`), join(root, `${CONFIG}.rpmnew`)]);
        run('rmdir', [join(root, 'etc/floatie')]);
      },
    },
  ];
  for (const { kind, prepare, install, upgrade, newConfig, remove } of kinds) {
    test(`a .${kind} is installed, runs, keeps its configuration when it is upgraded, and leaves nothing`, async () => {
      using debian = debianRoot();
      const { root } = debian;
      prepare(root);
      const before = filesIn(root);
      install(root);
      assert.equal(run('chroot', [root, 'floatie', '--version']), `floatie ${version}\n`);
      run('chroot', [root, 'floatie', 'validate', '--config', `/${CONFIG}`]);
      assert.match(
        gunzipSync(readFileSync(join(root, 'usr/share/man/man1/floatie.1.gz'))).toString(),
        /^\.TH floatie/im,
      );
      for (const shell of ['bash-completion/completions/floatie', 'fish/vendor_completions.d/floatie.fish']) {
        assert.match(readFileSync(join(root, 'usr/share', shell), 'utf8'), /floatie/);
      }
      assert.match(
        readFileSync(join(root, 'usr/lib/systemd/system/floatie.service'), 'utf8'),
        /^ExecStart=\/usr\/bin\/floatie /m,
      );
      {
        const command = [
          'unshare',
          '--mount',
          'sh',
          '-c',
          IN_ROOT,
          'sh',
          root,
          '/usr/bin/floatie',
          '--config',
          `/${CONFIG}`,
        ];
        await using floatie = await startFloatie([], { command });
        assert.equal((await floatie.scrape()).sum('floatie_build_info', { version }), 1);
        assert.equal(await floatie.stop(), 0);
      }
      const own = readFileSync(join(root, CONFIG), 'utf8') + OWN;
      writeFileSync(join(root, CONFIG), own);
      upgrade(root);
      assert.equal(readFileSync(join(root, CONFIG), 'utf8'), own);
      assert.match(readFileSync(join(root, newConfig), 'utf8'), /# of the next version\n$/);
      remove(root);
      assert.deepEqual(filesIn(root), before);
    });
  }

  test('the executable for arm64 is in its packages', () => {
    const unpacked = join(home.path, 'arm64');
    run('dpkg-deb', ['--extract', join(OUT, `floatie_${version}_arm64.deb`), unpacked]);
    const machine = readFileSync(join(unpacked, 'usr/bin/floatie')).readUInt16LE(18);
    assert.equal(machine, 183); // EM_AARCH64
    const listed = run('rpm', [
      '--query',
      '--package',
      '--queryformat',
      '%{ARCH}',
      join(OUT, `floatie-${version}-1.aarch64.rpm`),
    ]);
    assert.equal(listed, 'aarch64');
  });

  test('the bill of materials has what is inside of other components, too', () => {
    for (const arch of ['x64', 'arm64']) {
      const bill = JSON.parse(readFileSync(join(OUT, `floatie-${version}-linux-${arch}.cdx.json`), 'utf8'));
      const names: string[] = bill.components.map(({ purl }: { purl: string }) => purl.replace(/@[^@]*$/, ''));
      const inside = ['pkg:npm/idiomorph', 'pkg:cargo/libffi', 'pkg:generic/libbpf', 'pkg:generic/node'];
      assert.deepEqual(new Set(inside).difference(new Set(names)), new Set());
    }
  });

  test('a second build makes the same bytes', () => {
    const first = sums();
    assert.equal(first.size, 8);
    build();
    assert.deepEqual(sums(), first);
  });
});

function build(): void {
  execFileSync('npm', ['run', '--silent', 'build:packages'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
}

function sums(): Map<string, string> {
  const names = readdirSync(OUT)
    .filter((name) => name.includes(version))
    .sort();
  return new Map(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(OUT, name)))
        .digest('hex'),
    ]),
  );
}

function run(
  command: string,
  args: readonly string[],
  more: Partial<ExecFileSyncOptionsWithStringEncoding> = {},
): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], ...more });
}

/** A plain Debian of its own, on overlayfs. */
function debianRoot(): Disposable & { readonly root: string } {
  const buildah = (...args: string[]): string => run('buildah', args, { env: podmanEnv() }).trim();
  const name = buildah('from', BASE);
  return {
    root: buildah('mount', name),
    [Symbol.dispose]: () => void buildah('rm', name),
  };
}

function copied(root: string, name: string, from = OUT): string {
  run('cp', [join(from, name), join(root, 'tmp/floatie.deb')]);
  return '/tmp/floatie.deb';
}

function dpkg(root: string, ...args: string[]): void {
  run('chroot', [root, 'dpkg', ...args]);
  run('rm', ['-f', join(root, 'tmp/floatie.deb')]);
}

function rpm(root: string, ...args: string[]): void {
  run('rpm', ['--force-debian', '--root', root, ...args]);
}

/** But for what the package managers keep about themselves. */
function filesIn(root: string): string[] {
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' });
  return all.filter((path) => !/^(dev|proc|sys|tmp|var\/(lib|cache|log|run))\//.test(path)).sort();
}
