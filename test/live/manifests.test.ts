/** The manifests for Kubernetes, built by kustomize and held against Kubernetes' own schema. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { buildManifests, type Manifest, problemsOf } from '../support/manifests.ts';
import { folder } from '../support/peers.ts';

const BUILDS = {
  daemonset: ['Namespace', 'PriorityClass', 'ServiceAccount', 'ConfigMap', 'DaemonSet', 'Service', 'NetworkPolicy'],
  'prometheus-operator': ['ServiceMonitor'],
  sidecar: ['Deployment'],
};

const WORKLOADS = { daemonset: 'DaemonSet', sidecar: 'Deployment' };

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly securityContext: {
    readonly runAsUser: number;
    readonly allowPrivilegeEscalation: boolean;
    readonly privileged?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly seccompProfile: { readonly type: string };
    readonly capabilities: { readonly drop: readonly string[]; readonly add?: readonly string[] };
  };
  readonly resources: { readonly requests: { readonly memory: string }; readonly limits: { readonly memory: string } };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

interface PodSpec {
  readonly hostPID?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostIPC?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly hostPath?: { readonly path: string } }[];
}

/** The pod of a workload; init containers are first among its containers, as they are in time. */
function podOf(name: string, kind: string, component?: string) {
  const workload = buildManifests(name, component).find((manifest) => manifest.kind === kind);
  const { spec } = (workload as Manifest & { spec: { template: { spec: PodSpec } } }).spec.template;
  const { initContainers = [] } = spec;
  const containers = [...initContainers, ...spec.containers];
  const floatie = containers.find(({ name }) => name === 'floatie') as Container;
  return { spec, initContainers, containers, floatie };
}

const bytes = (quantity: string): number => Number(quantity.replace(/Mi$/, '')) * 2 ** 20;

const under = (name: string, component?: string): string =>
  `of ${name}${component === undefined ? '' : ` with ${component}`}`;

suite('the manifests for Kubernetes', () => {
  for (const [name, kinds] of Object.entries(BUILDS)) {
    for (const component of name in WORKLOADS ? [undefined, 'seccomp'] : [undefined]) {
      test(`${under(name, component)} are what Kubernetes takes`, async () => {
        const manifests = buildManifests(name, component);
        for (const kind of kinds)
          assert.ok(
            manifests.some((manifest) => manifest.kind === kind),
            kind,
          );
        assert.deepEqual(await problemsOf(manifests), []);
      });
    }
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

  for (const [name, kind] of Object.entries(WORKLOADS)) {
    for (const component of [undefined, 'seccomp']) {
      test(`${under(name, component)} leave no container what it does not need`, () => {
        const { containers, floatie } = podOf(name, kind, component);
        for (const { name, securityContext, resources } of containers) {
          const { allowPrivilegeEscalation, privileged = false, capabilities, seccompProfile } = securityContext;
          assert.deepEqual([allowPrivilegeEscalation, privileged, capabilities.drop], [false, false, ['ALL']], name);
          assert.notEqual(seccompProfile.type, 'Unconfined', name);
          assert.ok(bytes(resources.limits.memory) > bytes(resources.requests.memory), `${name}: room in its memory`);
          // The application is yours; what is Floatie's writes nothing to its own root.
          assert.equal(securityContext.readOnlyRootFilesystem ?? false, name !== 'shop', name);
        }
        const added = floatie.securityContext.capabilities.add ?? [];
        assert.deepEqual(
          added.filter((name) => !['BPF', 'PERFMON', 'DAC_READ_SEARCH', 'SYS_RESOURCE'].includes(name)),
          [],
        );
      });

      test(`${under(name, component)} see nothing of the node but what they are for`, () => {
        const { spec, containers } = podOf(name, kind, component);
        const { hostPID, hostNetwork, hostIPC, automountServiceAccountToken } = spec;
        assert.deepEqual([hostPID, hostNetwork, hostIPC], [undefined, undefined, undefined]);
        assert.equal(automountServiceAccountToken, false);
        const written = containers.flatMap(({ volumeMounts = [] }) =>
          volumeMounts.filter(({ readOnly }) => !readOnly).map(({ mountPath }) => mountPath),
        );
        const kprobes = name === 'daemonset' ? ['/sys/kernel/tracing'] : [];
        assert.deepEqual(written.sort(), [...(component === undefined ? [] : ['/node']), ...kprobes]);
      });
    }

    test(`of ${name} with their own seccomp profile have it on the node before Floatie starts`, () => {
      const { spec, initContainers, floatie } = podOf(name, kind, 'seccomp');
      const [first] = initContainers;
      assert.deepEqual(floatie.securityContext.seccompProfile, {
        type: 'Localhost',
        localhostProfile: 'profiles/floatie.json',
      });
      assert.equal(first?.name, 'seccomp-profile');
      assert.equal(first.image, floatie.image, 'whose image has the profile');
      assert.match(first.args?.join() ?? '', /"\/node\/profiles\/floatie\.json"/);
      const [mount] = first.volumeMounts ?? [];
      const volume = spec.volumes.find(({ name }) => name === mount?.name);
      assert.deepEqual([mount?.mountPath, volume?.hostPath?.path], ['/node', '/var/lib/kubelet/seccomp']);
    });
  }

  test('have an application beside Floatie that is another user, and can neither signal it nor look into it', () => {
    const { containers } = podOf('sidecar', 'Deployment', 'seccomp');
    const [application, ...ours] = containers.toReversed().map(({ securityContext }) => securityContext.runAsUser);
    assert.ok(application, 'the image would say who it is');
    assert.ok(ours.length === 2 && !ours.includes(application));
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
