/** The manifests for Kubernetes, built by kustomize and held against Kubernetes' own schema. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadConfig } from '../src/config/load.ts';
import { buildManifests, type Manifest, problemsOf } from './support/manifests.ts';
import { folder } from './support/peers.ts';

const BUILDS = {
  daemonset: ['Namespace', 'PriorityClass', 'ServiceAccount', 'ConfigMap', 'DaemonSet', 'Service', 'NetworkPolicy'],
  'prometheus-operator': ['ServiceMonitor'],
  sidecar: ['Deployment'],
};

suite('the manifests for Kubernetes', () => {
  for (const [name, kinds] of Object.entries(BUILDS)) {
    test(`of ${name} are what Kubernetes takes`, async () => {
      const manifests = buildManifests(name);
      for (const kind of kinds)
        assert.ok(
          manifests.some((manifest) => manifest.kind === kind),
          kind,
        );
      assert.deepEqual(await problemsOf(manifests), []);
    });
  }

  const daemonSet = (): Manifest => buildManifests('daemonset').find(({ kind }) => kind === 'DaemonSet') as Manifest;
  const mistakes: readonly (readonly [what: string, from: string, to: string, problem: RegExp])[] = [
    ['a mistyped field', '"readinessProbe"', '"readynessProbe"', /"readynessProbe"' does not exist in type/],
    ['a mistyped field deep within', '"drop"', '"dropp"', /"dropp"' does not exist in type/],
    [
      'a text where a number belongs',
      '"containerPort":9090',
      '"containerPort":"9090"',
      /containerPort must be integer/,
    ],
    ['a field that lacks', '"selector":', '"selektor":', /must have required property selector/],
    ['a kind that the API does not have', '"DaemonSet"', '"DaemonSett"', /apps\/v1 has no such kind/],
  ];
  for (const [what, from, to, problem] of mistakes) {
    test(`with ${what} are refused`, async () => {
      const text = JSON.stringify(daemonSet());
      assert.ok(text.includes(from), from);
      assert.match((await problemsOf([JSON.parse(text.replace(from, to))])).join('\n'), problem);
    });
  }

  test('have an application beside Floatie that is another user, and can neither signal it nor look into it', () => {
    interface Container {
      readonly securityContext?: { readonly runAsUser?: number; readonly capabilities?: { readonly drop?: string[] } };
    }
    const deployment = buildManifests('sidecar').find(({ kind }) => kind === 'Deployment') as Manifest & {
      spec: { template: { spec: { initContainers: Container[]; containers: Container[] } } };
    };
    const { initContainers, containers } = deployment.spec.template.spec;
    const userOf = ({ securityContext }: Container): number | undefined => securityContext?.runAsUser;
    for (const container of containers) {
      assert.ok(userOf(container), 'the image would say who it is');
      assert.ok(!initContainers.map(userOf).includes(userOf(container)));
      assert.deepEqual(container.securityContext?.capabilities?.drop, ['ALL']);
    }
  });

  test('have a configuration that Floatie takes', () => {
    const config = buildManifests('daemonset').find(({ kind }) => kind === 'ConfigMap') as Manifest & {
      data: Record<string, string>;
    };
    using files = folder(config.data);
    const { exporters, containers } = loadConfig({ file: `${files.path}/floatie.yaml`, env: {}, set: [] });
    assert.equal(exporters.prometheus?.host, '0.0.0.0');
    assert.equal(containers.names, true);
  });

  test('have names that fit together', () => {
    const text = JSON.stringify(buildManifests('prometheus-operator'));
    const selectors = text.matchAll(
      /"(?:selector|podSelector)":\{(?:"matchLabels":)?\{?"app\.kubernetes\.io\/name":"(\w+)"/g,
    );
    assert.deepEqual(
      Array.from(selectors, ([, name]) => name),
      Array(4).fill('floatie'),
    );
    const [, name = ''] = /"kind":"ConfigMap","metadata":\{[^}]*\},"name":"([\w-]+)"/.exec(text) ?? [];
    assert.ok(text.includes(`"configMap":{"name":"${name}"}`), name);
  });
});
