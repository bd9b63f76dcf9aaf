import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { suite, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { serviceResource } from '../../src/service/resource.ts';

function attributesWith(set: string[] = [], env: Record<string, string> = {}) {
  return serviceResource(loadConfig({ env, set })).attributes;
}

suite('the resource', () => {
  test('is called floatie', () => assert.equal(attributesWith()['service.name'], 'floatie'));

  test('has the version of the package', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    assert.equal(attributesWith()['service.version'], version);
  });

  test('names the host', () => assert.equal(attributesWith()['host.name'], hostname()));

  test('is another instance in every process, so that two nodes do not overwrite each other', () => {
    const script = `import { serviceResource } from ${JSON.stringify(import.meta.resolve('../../src/service/resource.ts'))};
      import { loadConfig } from ${JSON.stringify(import.meta.resolve('../../src/config/load.ts'))};
      process.stdout.write(serviceResource(loadConfig({ env: {}, set: [] })).attributes['service.instance.id']);`;
    const other = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' });
    assert.match(other, /^[0-9a-f-]{36}$/);
    assert.notEqual(attributesWith()['service.instance.id'], other);
  });

  test('is the same instance after a reload', () => {
    assert.equal(attributesWith()['service.instance.id'], attributesWith()['service.instance.id']);
  });

  for (const name of ['K8S_NODE_NAME', 'NODE_NAME']) {
    test(`names the Kubernetes node that ${name} tells`, () => {
      assert.equal(attributesWith([], { [name]: 'node-1' })['k8s.node.name'], 'node-1');
    });
  }

  test('names no node where none is told', () => assert.equal('k8s.node.name' in attributesWith(), false));

  test('has the attributes of the configuration', () => {
    assert.equal(attributesWith(['service.telemetry.resource={team: storage}']).team, 'storage');
  });

  test('lets the configuration win over what is known', () => {
    const attributes = attributesWith(['service.telemetry.resource={"host.name": elsewhere}']);
    assert.equal(attributes['host.name'], 'elsewhere');
  });
});
