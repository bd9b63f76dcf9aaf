import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
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

  suite('while nothing changes', () => {
    /** How many cgroups a step looks at, of those whose path alone does not tell that they are no containers. */
    function looks(happens: () => void): number {
      let count = 0;
      create('/shop/till', A);
      const isTask = (namespace: string): boolean => {
        count++;
        return namespace === 'default';
      };
      const inventory = new Inventory(mount, { isTask });
      inventory.discover();
      count = 0;
      happens();
      inventory.discover();
      return count;
    }

    test('walks no more', () =>
      assert.equal(
        looks(() => undefined),
        0,
      ));

    test('walks no more for what containers make inside', () =>
      assert.equal(
        looks(() => create(`${A}/inside`)),
        0,
      ));

    test('walks again once something was made', () =>
      assert.equal(
        looks(() => create(B)),
        1,
      ));
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

  test('walks again without a change after a minute, then after two, and so on up to eight, and after a change at once', (context) => {
    create('/shop', '/shop/till');
    let [second, walked] = [0, false];
    context.mock.method(performance, 'now', () => second * 1000);
    const isTask = () => {
      walked = true;
      return false;
    };
    const inventory = new Inventory(mount, { isTask });
    const walks = (seconds: number): number[] => {
      const found: number[] = [];
      for (const end = second + seconds; second < end; second++) {
        walked = false;
        inventory.discover();
        if (walked) found.push(second);
      }
      return found;
    };
    assert.deepEqual(walks(1400), [0, 60, 180, 420, 900, 1380]);
    create('/shop/office');
    assert.deepEqual(walks(200), [1400, 1460, 1580]);
  });

  test('is empty where the mount is gone', () => {
    const inventory = new Inventory(join(mount, 'missing'));
    inventory.discover();
    assert.deepEqual(paths(inventory.containers()), []);
  });

  suite('with room for two', () => {
    const isWanted = (path: string): boolean => !path.includes('unwanted');
    const room = { max: 2, isWanted };
    const idOf = (digit: number): string => String(digit).repeat(64);
    const populate = (path: string, populated: 0 | 1): void =>
      writeFileSync(join(mount, path, 'cgroup.events'), `populated ${populated}\nfrozen 0\n`);
    const many = [1, 2, 3, 4].map((digit) => `/user/libpod-${idOf(digit)}`);

    test('says how many have none, and no more of those that are gone', () => {
      create(...many);
      const inventory = new Inventory(mount, { room });
      inventory.discover();
      assert.deepEqual([paths(inventory.containers()).length, inventory.leftOut], [2, 2]);
      inventory.discover();
      assert.equal(inventory.leftOut, 2);
      for (const path of many) rmdirSync(join(mount, path));
      inventory.discover();
      assert.deepEqual([paths(inventory.containers()), inventory.leftOut], [[], 0]);
    });

    test('whoever has many gives way to whoever has one, which is told', () => {
      create(...many);
      const inventory = new Inventory(mount, { room });
      inventory.discover();
      create(A);
      const gone = inventory.discover();
      assert.equal(gone.length, 1);
      assert.ok(paths(inventory.containers()).includes(A));
      assert.equal(inventory.leftOut, 3);
    });

    test('those without processes give way to those with some, wherever they are', () => {
      create(A, ...many);
      populate(A, 0);
      for (const path of many.slice(0, 2)) populate(path, 0);
      for (const path of many.slice(2)) populate(path, 1);
      const inventory = new Inventory(mount, { room });
      inventory.discover();
      assert.deepEqual(paths(inventory.containers()), many.slice(2));
      assert.equal(inventory.leftOut, 3);
      // What has no process any more gives way, too.
      populate(many[2] ?? '', 0);
      populate(A, 1);
      inventory.discover();
      assert.deepEqual(paths(inventory.containers()), [A, many[3]]);
    });

    test('one that got its first process since it was found gives way to none without', () => {
      create(...many.slice(0, 2));
      for (const path of many.slice(0, 2)) populate(path, 0);
      const inventory = new Inventory(mount, { room });
      inventory.discover();
      for (const path of many.slice(0, 2)) populate(path, 1);
      create(A);
      populate(A, 0);
      inventory.discover();
      assert.deepEqual(paths(inventory.containers()), many.slice(0, 2));
    });

    test('those without room are looked at slowly, and after a long time in one go', (context) => {
      create(...many);
      for (const path of many) populate(path, 0);
      const inventory = new Inventory(mount, { room });
      // Each look at the clock takes a millisecond, and there is one for each cgroup.
      let ms = 0;
      context.mock.method(performance, 'now', () => ms++);
      const looks = (): number => {
        const before = ms;
        inventory.discover(Number.POSITIVE_INFINITY, 50);
        return ms - before;
      };
      while (looks() > many.length);
      assert.ok(looks() < many.length);
      ms += 600_000;
      assert.ok(looks() > many.length);
    });

    test('those that nobody asked for take no room and are not left out', () => {
      create(...[1, 2, 3].map((digit) => `/unwanted/libpod-${idOf(digit)}`), A, B);
      const inventory = new Inventory(mount, { room });
      inventory.discover();
      assert.deepEqual([paths(inventory.containers()), inventory.leftOut], [[A, B], 0]);
    });

    test('less room is taken from whoever has most', () => {
      create(...many, A);
      const inventory = new Inventory(mount);
      inventory.discover();
      inventory.identifyBy(identify, undefined, room);
      assert.equal(paths(inventory.containers()).length, 2);
      assert.ok(paths(inventory.containers()).includes(A));
      assert.equal(inventory.discover().length, 3);
      assert.equal(inventory.leftOut, 3);
    });
  });

  test('no folder holds up those beside it, however many are in it', () => {
    create(A, ...Array.from({ length: 50 }, (_, index) => `/user/${index}`));
    const inventory = new Inventory(mount);
    inventory.discover(10);
    assert.deepEqual(paths(inventory.containers()), [A]);
  });

  test('looks no longer than it may, and goes on where it was', () => {
    create(A, B);
    const inventory = new Inventory(mount);
    for (let passes = 0; passes < 4; passes++) {
      inventory.discover(Number.POSITIVE_INFINITY, 0);
      assert.ok(paths(inventory.containers()).length <= passes, 'one at a time');
    }
    assert.deepEqual(paths(inventory.containers()), [A, B]);
  });
});
