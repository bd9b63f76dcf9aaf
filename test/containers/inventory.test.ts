import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, suite, test } from 'node:test';
import { identify } from '../../src/containers/identity.ts';
import { type Container, Inventory } from '../../src/containers/inventory.ts';

const A = '/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';
const B = '/docker/fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210';

let mount: string;

beforeEach(() => {
  mount = mkdtempSync(join(tmpdir(), 'floatie-inventory-'));
});

afterEach(() => rmSync(mount, { recursive: true }));

function create(...paths: string[]): void {
  for (const path of paths) mkdirSync(join(mount, path), { recursive: true });
}

function paths(containers: Iterable<Container>): string[] {
  return Array.from(containers, ({ path }) => path).sort();
}

suite('the inventory', () => {
  test('has the containers, and neither what is around them nor what they made inside', () => {
    create(`${A}/system.slice`, B, '/system.slice/ssh.service');
    const inventory = new Inventory(mount);
    assert.deepEqual(inventory.discover(), []);
    assert.deepEqual(paths(inventory.containers()), [A, B]);
  });

  test('finds each once, and says whose it is', () => {
    create(A);
    const found: Container[] = [];
    const inventory = new Inventory(mount, { onFound: (container) => found.push(container) });
    inventory.discover();
    inventory.discover();
    assert.deepEqual(
      found.map(({ identity }) => identity.runtime),
      ['docker'],
    );
  });

  test('passes no more cgroups at once than it may, and goes on where it was', () => {
    create(A, B);
    const inventory = new Inventory(mount);
    // The root and /docker come first.
    const counts = [2, 1, 1, 1].map((budget) => {
      inventory.discover(budget);
      return paths(inventory.containers()).length;
    });
    assert.deepEqual(counts, [0, 1, 2, 2]);
    create('/docker/later', A.replace('0', 'e'));
    inventory.discover();
    assert.equal(paths(inventory.containers()).length, 3);
  });

  test('says once which are gone', () => {
    create(A, B);
    const inventory = new Inventory(mount);
    inventory.discover();
    rmdirSync(join(mount, A));
    assert.deepEqual(paths(inventory.discover()), [A]);
    assert.deepEqual(paths(inventory.discover()), []);
    assert.deepEqual(paths(inventory.containers()), [B]);
  });

  test('takes a container that was started again, with its path, for another', () => {
    create(A, '/other');
    const inventory = new Inventory(mount);
    inventory.discover();
    const [before] = inventory.containers();
    rmdirSync(join(mount, A));
    renameSync(join(mount, 'other'), join(mount, A));
    assert.deepEqual(paths(inventory.discover()), [A]);
    const [after] = inventory.containers();
    assert.deepEqual([after?.path, after?.key === before?.key], [A, false]);
  });

  test('finds what another configuration tells to be a container of containerd', () => {
    create('/shop', '/shop/till');
    const inventory = new Inventory(mount);
    inventory.discover();
    assert.deepEqual(paths(inventory.containers()), []);
    inventory.identifyBy(identify, (namespace) => namespace === 'shop');
    inventory.discover();
    assert.deepEqual(paths(inventory.containers()), ['/shop/till']);
  });

  test('is empty where the mount is gone', () => {
    const inventory = new Inventory(join(mount, 'missing'));
    inventory.discover();
    assert.deepEqual(paths(inventory.containers()), []);
  });
});
