import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Manifest;

suite('of OpenTelemetry there is one copy', () => {
  // With two, an instance of one is no instance of the other, and views or readers are silently not understood.
  for (const name of ['api', 'core', 'resources', 'sdk-metrics']) {
    test(`of @opentelemetry/${name}`, () => {
      const copies = globSync(`{,**/}node_modules/@opentelemetry/${name}/package.json`, {
        cwd: `${ROOT}/node_modules`,
      });
      const direct = globSync(`node_modules/@opentelemetry/${name}/package.json`, { cwd: ROOT });
      assert.deepEqual([...direct, ...copies], [`node_modules/@opentelemetry/${name}/package.json`]);
    });
  }
});

suite('every dependency is pinned', () => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })) {
    test(`${name} to one version`, () => assert.match(version, /^\d+\.\d+\.\d+(-alpha\.\d+)?$/));
  }
});

suite('the lockfile', () => {
  const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
    packages: Readonly<Record<string, { readonly integrity?: string; readonly resolved?: string }>>;
  };
  const entries = Object.entries(packages).filter(([name]) => name !== '');

  test('says of every package what it contains, also for other machines', () => {
    const without = entries.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? ''));
    assert.deepEqual(without, []);
  });

  test('says of every package where it comes from', () => {
    const without = entries.filter(
      ([, { resolved }]) => !/^https:\/\/registry\.npmjs\.org\/.*\.tgz$/.test(resolved ?? ''),
    );
    assert.deepEqual(without, []);
  });
});
