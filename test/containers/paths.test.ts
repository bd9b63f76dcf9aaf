/** Paths as runtimes write them, each with where it was seen. */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { type Identity, identify } from '../../src/containers/identity.ts';

interface Row {
  readonly path: string;
  /** null: no container and no pod. */
  readonly is: Omit<Identity, 'cgroup'> | null;
  /** The repository and its file. */
  readonly source: string;
}

const COROOT = 'coroot/coroot-node-agent cgroup/cgroup_test.go';
const PIXIE = 'pixie-io/pixie src/shared/metadata/cgroup_path_resolver_test.cc';
const DATADOG = 'DataDog/datadog-agent pkg/util/cgroups/pid_mapper_test.go';
const DD_TRACE = 'DataDog/dd-trace-go internal/container_linux_test.go';
const JAVA = 'open-telemetry/opentelemetry-java-instrumentation dd-trace-ot/…/ContainerInfoTest.groovy';
const CADVISOR_CRIO = 'google/cadvisor container/crio/factory_test.go';
const CADVISOR_CONTAINERD = 'google/cadvisor container/containerd/factory_test.go';
const NEUVECTOR = 'neuvector/neuvector share/system/cgroup_test.go';
const CILIUM = 'cilium/cilium pkg/cgroups/manager/provider_test.go';
const FALCO = 'falcosecurity/libs#1613';
const KERNEL = 'torvalds/linux Documentation/admin-guide/cgroup-v2.rst';
const RUNC = 'opencontainers/runc libcontainer/cgroups/systemd/v2.go';
const CTR = 'containerd/containerd oci/spec.go: ctr run';
const BUILDKIT = 'moby/buildkit executor/oci/spec.go';
const NOMAD = 'hashicorp/nomad client/lib/cgroupslib/editor.go';
const APPTAINER = 'apptainer/apptainer internal/pkg/cgroups/manager_linux.go';
const KATA = 'kata-containers/kata-containers';

const BUILD = { runtime: 'buildkit', containerId: 'xpps4dwxe4l1zrmq4rutaa65j' } as const;

const rows: readonly Row[] = [
  // docker
  {
    path: '/docker/63425c4a8b4291744a79dd9011fddc7a1f8ffda61f65d72196aa01d00cae2e2d',
    is: { runtime: 'docker', containerId: '63425c4a8b4291744a79dd9011fddc7a1f8ffda61f65d72196aa01d00cae2e2d' },
    source: COROOT,
  },
  {
    path: '/docker/b43d92bf1e5c6f78bb9b7bc6f40721280299855ba692092716e3a1b6c0b86f3f',
    is: { runtime: 'docker', containerId: 'b43d92bf1e5c6f78bb9b7bc6f40721280299855ba692092716e3a1b6c0b86f3f' },
    source: COROOT,
  },
  {
    path: '/docker/3726184226f5d3147c25fdeab5b60097e378e8a720503a5e19ecfdf29f869860',
    is: { runtime: 'docker', containerId: '3726184226f5d3147c25fdeab5b60097e378e8a720503a5e19ecfdf29f869860' },
    source: JAVA,
  },
  {
    path: '/docker/34dc0b5e626f2c5c4c5170e34b10e7654ce36f0fcd532739f4445baabea03376.scope',
    is: { runtime: 'docker', containerId: '34dc0b5e626f2c5c4c5170e34b10e7654ce36f0fcd532739f4445baabea03376' },
    source: DD_TRACE,
  },
  {
    path: '/system.slice/docker-cf87ba651579c9231db817909e7865e5747bd7abcac0c57ce23cf4abbaee046b.scope',
    is: { runtime: 'docker', containerId: 'cf87ba651579c9231db817909e7865e5747bd7abcac0c57ce23cf4abbaee046b' },
    source: COROOT,
  },
  {
    path: '/system.slice/docker-9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d.scope',
    is: { runtime: 'docker', containerId: '9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d' },
    source: NEUVECTOR,
  },
  {
    path: '/system.slice/system.slice:docker:9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d',
    is: { runtime: 'docker', containerId: '9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d' },
    source: 'opencontainers/runc docs/systemd.md: slice:prefix:name, when the driver is not systemd’s',
  },
  // docker below a parent that somebody chose says nothing of docker
  {
    path: '/4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970',
    is: { containerId: '4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970' },
    source: NEUVECTOR,
  },
  {
    path: '/ecs/haissam-ecs-classic/5a0d5ceddf6c44c1928d367a815d890f/38fac3e99302b3622be089dd41e7ccf38aff368a86cc339972075136ee2710ce',
    is: { containerId: '38fac3e99302b3622be089dd41e7ccf38aff368a86cc339972075136ee2710ce' },
    source: JAVA,
  },
  {
    path: '/ecs/55091c13-b8cf-4801-b527-f4601742204d/432624d2150b349fe35ba397284dea788c2bf66b885d14dfc1569b01890ca7da',
    is: { containerId: '432624d2150b349fe35ba397284dea788c2bf66b885d14dfc1569b01890ca7da' },
    source: DD_TRACE,
  },
  // Kubernetes, cgroupfs driver: docker and containerd write the same
  {
    path: '/kubepods/burstable/pod6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e/17db96a24ae1e9dd57143e62b1cb0d2d35e693c65c774c7470e87b0572e07c1a',
    is: {
      containerId: '17db96a24ae1e9dd57143e62b1cb0d2d35e693c65c774c7470e87b0572e07c1a',
      podUid: '6a4ce4a0-ba47-11ea-b2a7-0cc47ac5979e',
    },
    source: COROOT,
  },
  {
    path: '/kubepods/poda38c12e8-255a-11e9-8cd9-0007cb0b2cc8/32c562ed81a2622b37b80cb216859820ba51bd694f60ee4cf10d07a4011266f8',
    is: {
      containerId: '32c562ed81a2622b37b80cb216859820ba51bd694f60ee4cf10d07a4011266f8',
      podUid: 'a38c12e8-255a-11e9-8cd9-0007cb0b2cc8',
    },
    source: COROOT,
  },
  {
    path: '/kubepods/burstable/pod9729a196c4723b60ab401eaff722982d/d166c6190614efc91956b78e96d74c3fbc96ca8e91948c36de3bc5b0e7b27d48',
    is: {
      containerId: 'd166c6190614efc91956b78e96d74c3fbc96ca8e91948c36de3bc5b0e7b27d48',
      podUid: '9729a196c4723b60ab401eaff722982d',
    },
    source: `${COROOT}: a static pod`,
  },
  {
    path: '/kubepods/besteffort/pod0d08203e-255a-11e9-8cd9-0007cb0b2cc8/671a50f5d60566556912f61511d0ec9e4d5c78d53fbc4676727180438bbbbc55/kube-proxy',
    is: {
      containerId: '671a50f5d60566556912f61511d0ec9e4d5c78d53fbc4676727180438bbbbc55',
      podUid: '0d08203e-255a-11e9-8cd9-0007cb0b2cc8',
    },
    source: `${COROOT}: a cgroup inside the container`,
  },
  {
    path: '/kubepods/besteffort/pod3d274242-8ee0-11e9-a8a6-1e68d864ef1a/3e74d3fd9db4c9dd921ae05c2502fb984d0cde1b36e581b13f79c639da4518a1',
    is: {
      containerId: '3e74d3fd9db4c9dd921ae05c2502fb984d0cde1b36e581b13f79c639da4518a1',
      podUid: '3d274242-8ee0-11e9-a8a6-1e68d864ef1a',
    },
    source: JAVA,
  },
  {
    path: '/kubepods/burstable/podfd52ef25-a87d-11e9-9423-0800271a638e/8c046cb0b72cd4c99f51b5591cd5b095967f58ee003710a45280c28ee1a9c7fa',
    is: {
      containerId: '8c046cb0b72cd4c99f51b5591cd5b095967f58ee003710a45280c28ee1a9c7fa',
      podUid: 'fd52ef25-a87d-11e9-9423-0800271a638e',
    },
    source: DD_TRACE,
  },
  {
    path: '/kubepods/pod8dbc5577-d0e2-4706-8787-57d52c03ddf2/14011c7d92a9e513dfd69211da0413dbf319a5e45a02b354ba6e98e10272542d',
    is: {
      containerId: '14011c7d92a9e513dfd69211da0413dbf319a5e45a02b354ba6e98e10272542d',
      podUid: '8dbc5577-d0e2-4706-8787-57d52c03ddf2',
    },
    source: `${PIXIE}: GKE`,
  },
  {
    path: '/kubepods/besteffort/podd76e26fba3bf2bfd215eb29011d55250/40af7cdcbe507acad47a5a62025743ad3ddc6ab93b77b21363aa1c1d641047c9',
    is: {
      containerId: '40af7cdcbe507acad47a5a62025743ad3ddc6ab93b77b21363aa1c1d641047c9',
      podUid: 'd76e26fba3bf2bfd215eb29011d55250',
    },
    source: CADVISOR_CONTAINERD,
  },
  // Kubernetes, systemd driver
  {
    path: '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod8712f785_1a3e_41ec_a00b_e2dcc77431cb.slice/docker-73051af271105c07e1f493b34856a77e665e3b0b4fc72f76c807dfbffeb881bd.scope',
    is: {
      runtime: 'docker',
      containerId: '73051af271105c07e1f493b34856a77e665e3b0b4fc72f76c807dfbffeb881bd',
      podUid: '8712f785-1a3e-41ec-a00b-e2dcc77431cb',
    },
    source: COROOT,
  },
  {
    path: '/kubepods.slice/kubepods-pod8dbc5577_d0e2_4706_8787_57d52c03ddf2.slice/docker-b9055cee13e1f37ecb63030593b27f4adc43cbd6629aa7781ffdf53fbaecfa46.scope',
    is: {
      runtime: 'docker',
      containerId: 'b9055cee13e1f37ecb63030593b27f4adc43cbd6629aa7781ffdf53fbaecfa46',
      podUid: '8dbc5577-d0e2-4706-8787-57d52c03ddf2',
    },
    source: PIXIE,
  },
  {
    path: '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod3e61c214bc3ed9ff81e21474dd6cba17.slice/cri-containerd-c74b0f5062f0bc726cae1e9369ad4a95deed6b298d247f0407475adb23fa3190',
    is: {
      runtime: 'containerd',
      containerId: 'c74b0f5062f0bc726cae1e9369ad4a95deed6b298d247f0407475adb23fa3190',
      podUid: '3e61c214bc3ed9ff81e21474dd6cba17',
    },
    source: COROOT,
  },
  {
    path: '/lxc.payload.ny2g2r5hh3-lxc/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-poda8697f49_441d_4d4f_90d2_6d8e1fa3bbe7.slice/cri-containerd-3fc28fa1c647ceede9f6b340d0b16c9f1f663698972d22a52e296f291638e014.scope',
    is: { runtime: 'lxc', containerId: 'ny2g2r5hh3-lxc' },
    source: 'the kernel’s oom-kill line of a k3s node in LXC, which could call anything a pod',
  },
  {
    path: '/system.slice/containerd.service/kubepods-burstable-pod4ed02c0b_0df8_4d14_a30e_fd589ee4143a.slice:cri-containerd:d4a9f9195eaf7e4a729f24151101e1de61f1398677e7b82acfb936dff0b4ce55',
    is: {
      runtime: 'containerd',
      containerId: 'd4a9f9195eaf7e4a729f24151101e1de61f1398677e7b82acfb936dff0b4ce55',
      podUid: '4ed02c0b-0df8-4d14-a30e-fd589ee4143a',
    },
    source: COROOT,
  },
  {
    path: '/system.slice/containerd.service/kubepods-besteffort-pod1544eb37_e4f7_49eb_8cc4_3d01c41be77b.slice:cri-containerd:8618d3540ce713dd59ed0549719643a71dd482c40c21685773e7ac1291b004f5',
    is: {
      runtime: 'containerd',
      containerId: '8618d3540ce713dd59ed0549719643a71dd482c40c21685773e7ac1291b004f5',
      podUid: '1544eb37-e4f7-49eb-8cc4-3d01c41be77b',
    },
    source: PIXIE,
  },
  // containerd without Kubernetes
  {
    path: '/system.slice/nerdctl-5990b0f7b874c5c4272ee2e6463a90eb7b2239e9b42e2e7cdf9c9e6c88002006.scope',
    is: { runtime: 'containerd', containerId: '5990b0f7b874c5c4272ee2e6463a90eb7b2239e9b42e2e7cdf9c9e6c88002006' },
    source: 'falcosecurity/plugins#1378: nerdctl, systemd driver',
  },
  {
    path: '/user.slice/user-1000.slice/user@1000.service/user.slice/nerdctl-5990b0f7b874c5c4272ee2e6463a90eb7b2239e9b42e2e7cdf9c9e6c88002006.scope',
    is: { runtime: 'containerd', containerId: '5990b0f7b874c5c4272ee2e6463a90eb7b2239e9b42e2e7cdf9c9e6c88002006' },
    source: 'containerd/nerdctl, rootless',
  },
  {
    path: '/default/5990b0f7b874c5c4272ee2e6463a90eb7b2239e9b42e2e7cdf9c9e6c88002006',
    is: { runtime: 'containerd', containerId: '5990b0f7b874c5c4272ee2e6463a90eb7b2239e9b42e2e7cdf9c9e6c88002006' },
    source: 'containerd/nerdctl, cgroupfs driver, the namespace "default"',
  },
  // cri-o
  {
    path: '/kubepods/poda48c12e8-255a-11e9-8cd9-0007cb0b2cc8/crio-63425c4a8b4291744a79dd9011fddc7a1f8ffda61f65d72196aa01d00cae2e2e',
    is: {
      runtime: 'cri-o',
      containerId: '63425c4a8b4291744a79dd9011fddc7a1f8ffda61f65d72196aa01d00cae2e2e',
      podUid: 'a48c12e8-255a-11e9-8cd9-0007cb0b2cc8',
    },
    source: COROOT,
  },
  {
    path: '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod2942c55e_c9cb_428a_93f4_eaf89c1f3ce0.slice/crio-49f9e8e5395d57c1083996c09e2e6f042d5fe1ec0310facab32f94912b35ce59.scope',
    is: {
      runtime: 'cri-o',
      containerId: '49f9e8e5395d57c1083996c09e2e6f042d5fe1ec0310facab32f94912b35ce59',
      podUid: '2942c55e-c9cb-428a-93f4-eaf89c1f3ce0',
    },
    source: COROOT,
  },
  {
    path: '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-podea19ff5d_943a_4466_a07e_a71e9e50cc62.slice/crio-21572039dd8398ff8272b031fa5422a40165145ab37f2f8794e1e7f844fe8118.scope/container',
    is: {
      runtime: 'cri-o',
      containerId: '21572039dd8398ff8272b031fa5422a40165145ab37f2f8794e1e7f844fe8118',
      podUid: 'ea19ff5d-943a-4466-a07e-a71e9e50cc62',
    },
    source: COROOT,
  },
  {
    path: '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod9b7969b2_aad0_47d4_b11c_4acfd1ce018e.slice/crio-9b9ccc15d288aa0f7d3bf7b583993921bf261edfeff3467765ab81e687c6a889.scope',
    is: {
      runtime: 'cri-o',
      containerId: '9b9ccc15d288aa0f7d3bf7b583993921bf261edfeff3467765ab81e687c6a889',
      podUid: '9b7969b2-aad0-47d4-b11c-4acfd1ce018e',
    },
    source: `${PIXIE}: OpenShift`,
  },
  {
    path: '/kubepods/pod068e8fa0-9213-11e7-a01f-507b9d4141fa/crio-81e5c2990803c383229c9680ce964738d5e566d97f5bd436ac34808d2ec75d5f.scope',
    is: {
      runtime: 'cri-o',
      containerId: '81e5c2990803c383229c9680ce964738d5e566d97f5bd436ac34808d2ec75d5f',
      podUid: '068e8fa0-9213-11e7-a01f-507b9d4141fa',
    },
    source: CADVISOR_CRIO,
  },
  {
    path: '/kubepods/pod068e8fa0-9213-11e7-a01f-507b9d4141fa/crio-conmon-81e5c2990803c383229c9680ce964738d5e566d97f5bd436ac34808d2ec75d5f',
    is: { podUid: '068e8fa0-9213-11e7-a01f-507b9d4141fa' },
    source: `${CADVISOR_CRIO}: conmon`,
  },
  {
    path: '/system.slice/crio-conmon-e0c85fe7644a858988d9687c2e0736a7d31922740d0f3e001c6b2e0aa7e5f528.scope',
    is: null,
    source: 'openshift/microshift#697: conmon',
  },
  {
    path: '/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-podc8bad552_5c99_4d4f_b71c_c426c0cde014.slice/crio-15b6e0c6490cad17fcf69eb837794349b4df96f84ba96c6be9828fe281c055a9.scope',
    is: {
      runtime: 'cri-o',
      containerId: '15b6e0c6490cad17fcf69eb837794349b4df96f84ba96c6be9828fe281c055a9',
      podUid: 'c8bad552-5c99-4d4f-b71c-c426c0cde014',
    },
    source: 'openshift/microshift#697',
  },
  {
    path: '/kubepods/pod068e8fa0-9213-11e7-a01f-507b9d4141fa/crio-81e5c2990803c383229c9680ce964738d5e566d97f5bd436ac34808d2ec75d5f.mount',
    is: { podUid: '068e8fa0-9213-11e7-a01f-507b9d4141fa' },
    source: `${CADVISOR_CRIO}: a mount unit`,
  },
  // podman
  {
    path: '/machine.slice/libpod-a2bc7b153f034b17f358cde43a7f8c7475147e8a0d1b2573c26473244ec44ce4.scope/container',
    is: { runtime: 'podman', containerId: 'a2bc7b153f034b17f358cde43a7f8c7475147e8a0d1b2573c26473244ec44ce4' },
    source: FALCO,
  },
  {
    path: '/system.slice/app_name.service/libpod-payload-cc316b3065798e96c30dcfc708f7a7dda1b2d78e552364002d2e49a3100ef3ef',
    is: { runtime: 'podman', containerId: 'cc316b3065798e96c30dcfc708f7a7dda1b2d78e552364002d2e49a3100ef3ef' },
    source: 'coroot/coroot-node-agent#251: --cgroups=split',
  },
  {
    path: '/machine.slice/libpod-conmon-a2bc7b153f034b17f358cde43a7f8c7475147e8a0d1b2573c26473244ec44ce4.scope',
    is: null,
    source: `${FALCO}: conmon`,
  },
  {
    path: '/machine.slice/machine-libpod_pod_0262e761c5b499b1ad78250d810594064f61cc61a524d72d58690e52e727ec2a.slice/libpod-8161d2dbc72fee76e83776673c112f5a97e4adb9666b86c206458fa05d1c3cc4.scope',
    is: { runtime: 'podman', containerId: '8161d2dbc72fee76e83776673c112f5a97e4adb9666b86c206458fa05d1c3cc4' },
    source: 'containers/podman, "podman pod inspect": a pod of podman’s own',
  },
  {
    path: '/user.slice/user-1001.slice/user@1001.service/user.slice/libpod-132ff0d72245e6f13a3bbc6cdc5376886897b60ac59eaa8dea1df7ab959cbf1c.scope',
    is: { runtime: 'podman', containerId: '132ff0d72245e6f13a3bbc6cdc5376886897b60ac59eaa8dea1df7ab959cbf1c' },
    source: `${RUNC}: rootless`,
  },
  {
    path: '/user.slice/user-0.slice/user@0.service/machine.slice/libpod-cf21d19260ace8544fe8b769fc2638bf2c0873dfbfff0b6253f0569b26a1d5eb.scope/container',
    is: { runtime: 'podman', containerId: 'cf21d19260ace8544fe8b769fc2638bf2c0873dfbfff0b6253f0569b26a1d5eb' },
    source: 'podman-container-tools/podman#20423: crun',
  },
  // LXC, LXD, Incus, Proxmox
  { path: '/lxc/mysql-primary-db', is: { runtime: 'lxc', containerId: 'mysql-primary-db' }, source: COROOT },
  { path: '/lxc/140', is: { runtime: 'lxc', containerId: '140' }, source: 'Proxmox VE, the kernel’s oom_memcg' },
  {
    path: '/lxc/305/ns/system.slice/ssh.service',
    is: { runtime: 'lxc', containerId: '305' },
    source: 'lxc/lxc#3353: lxc.cgroup.dir.container.inner, as Proxmox VE sets it',
  },
  {
    path: '/lxc.payload.librewxr',
    is: { runtime: 'lxc', containerId: 'librewxr' },
    source: 'lxc/lxc, the kernel’s oom_memcg',
  },
  {
    path: '/lxc.payload.mail/system.slice/postfix.service',
    is: { runtime: 'lxc', containerId: 'mail' },
    source: 'lxc/lxc, systemd inside the container',
  },
  {
    path: '/lxc.payload.user-1000_banto-abc',
    is: { runtime: 'lxc', containerId: 'user-1000_banto-abc' },
    source: 'lxc/incus, a project’s container',
  },
  {
    path: '/lxc.payload/c1',
    is: { runtime: 'lxc', containerId: 'c1' },
    source: 'lxc/lxc#2606',
  },
  { path: '/lxc.monitor.stunning-shrew', is: null, source: 'lxc/lxc src/lxc/cgroups/cgfsng.c: its monitor' },
  { path: '/lxc.monitor/c1', is: null, source: 'lxc/lxc#2606: its monitor, outside the container' },
  // systemd-nspawn and what else registers with systemd-machined
  {
    path: '/machine.slice/machine-TEST\\x2d13\\x2dNSPAWN.machinectl\\x2dbind.7ye.scope',
    is: { runtime: 'systemd-nspawn', containerId: 'TEST-13-NSPAWN.machinectl-bind.7ye' },
    source: 'systemd/systemd#38440',
  },
  {
    path: '/machine.slice/machine-rawhidex.scope/payload/system.slice/sshd.service',
    is: { runtime: 'systemd-nspawn', containerId: 'rawhidex' },
    source: 'systemd/systemd#18104 and #6166: what is delegated to the container',
  },
  {
    path: '/machine.slice/systemd-nspawn@zurps.service/payload',
    is: { runtime: 'systemd-nspawn', containerId: 'zurps' },
    source: 'systemd/systemd test/units/TEST-13-NSPAWN.machined.sh: "Subgroup:" of machinectl',
  },
  {
    path: '/machine.slice/systemd-nspawn@delphix.uE0noy5.service',
    is: { runtime: 'systemd-nspawn', containerId: 'delphix.uE0noy5' },
    source: 'delphix/appliance-build upgrade/README.md',
  },
  {
    path: '/machine.slice/machine-qemu\\x2d3\\x2dubuntu20.04.scope/libvirt',
    is: null,
    source: 'libvirt/libvirt: a virtual machine',
  },
  {
    path: '/machine.slice/systemd-nspawn@w\\xc3\\xa4b\\x2d1.service/payload',
    is: { runtime: 'systemd-nspawn', containerId: 'wäb-1' },
    source: 'systemd-escape --template=systemd-nspawn@.service wäb-1',
  },
  {
    path: '/machine.slice/machine-a\\xe2\\x82\\xac\\xf0\\x9f\\x90\\xb3b.scope',
    is: { runtime: 'systemd-nspawn', containerId: 'a€🐳b' },
    source: 'systemd.unit(5): each byte is escaped',
  },
  {
    path: '/machine.slice/machine-a\\xff\\x2db\\xc3\\x2dc\\xe2\\x82.scope',
    is: { runtime: 'systemd-nspawn', containerId: 'a\\xff-b\\xc3-c\\xe2\\x82' },
    source: 'systemd.unit(5), of bytes that are no UTF-8',
  },
  {
    path: '/machine.slice/machine-a\\xc0\\xafb\\xed\\xa0\\x80c\\x0ad\\x1be.scope',
    is: { runtime: 'systemd-nspawn', containerId: 'a\\xc0\\xafb\\xed\\xa0\\x80c\\x0ad\\x1be' },
    source: 'RFC 3629: too long, half of a pair; and control characters',
  },
  // containerd without Kubernetes: /NAMESPACE/ID
  { path: '/default/my.web-1', is: { runtime: 'containerd', containerId: 'my.web-1' }, source: CTR },
  { path: '/default/redis/child', is: { runtime: 'containerd', containerId: 'redis' }, source: `${CTR}: what it made` },
  { path: '/default/-web', is: null, source: 'containerd/containerd pkg/identifiers: no name' },
  { path: '/default', is: null, source: CTR },
  { path: '/shop/till', is: null, source: `${CTR}, in a namespace that only its files tell` },
  // BuildKit
  { path: '/docker/buildkit/xpps4dwxe4l1zrmq4rutaa65j', is: BUILD, source: `${BUILDKIT}, within docker 20.10` },
  { path: '/buildkit/xpps4dwxe4l1zrmq4rutaa65j', is: BUILD, source: `${BUILDKIT}, by containerd's namespace` },
  { path: '/system.slice/docker-xpps4dwxe4l1zrmq4rutaa65j.scope', is: BUILD, source: `${BUILDKIT}, systemd's driver` },
  { path: '/system.slice/buildkit.service', is: null, source: BUILDKIT },
  // Nomad
  {
    path: '/nomad.slice/share.slice/e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.web.scope',
    is: { runtime: 'nomad', containerId: 'e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.web' },
    source: NOMAD,
  },
  {
    path: '/nomad.slice/reserve.slice/e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.my.task.scope/child',
    is: { runtime: 'nomad', containerId: 'e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.my.task' },
    source: NOMAD,
  },
  {
    path: '/nomad/e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.web',
    is: { runtime: 'nomad', containerId: 'e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.web' },
    source: `${NOMAD}: v1`,
  },
  { path: '/system.slice/e1aa8f2c-5d3b-7f60-9a3e-0f1f1d9a6b2c.service', is: null, source: 'a unit that is called so' },
  { path: '/nomad.slice/share.slice', is: null, source: NOMAD },
  // Apptainer, and Singularity before it
  { path: '/apptainer/196219', is: { runtime: 'apptainer', containerId: '196219' }, source: APPTAINER },
  { path: '/singularity/4711', is: { runtime: 'singularity', containerId: '4711' }, source: 'sylabs/singularity' },
  {
    path: '/user.slice/user-1000.slice/user@1000.service/user.slice/apptainer-196219.scope',
    is: { runtime: 'apptainer', containerId: '196219' },
    source: `${APPTAINER}: user.slice:apptainer:PID`,
  },
  // Kata: the sandbox, and what of it is not the virtual machine's
  {
    path: '/kubepods/burstable/pod9f1d3c2e-4b5a-4c6d-8e7f-0a1b2c3d4e5f/kata_dc7a95dc3219fa58f6b87ac10cb2f5b0a562d8434c2cdc8d4d940d8e763e5103',
    is: {
      containerId: 'dc7a95dc3219fa58f6b87ac10cb2f5b0a562d8434c2cdc8d4d940d8e763e5103',
      podUid: '9f1d3c2e-4b5a-4c6d-8e7f-0a1b2c3d4e5f',
    },
    source: `${KATA} docs/design/host-cgroups.md`,
  },
  {
    path: '/kata_overhead/dc7a95dc3219fa58f6b87ac10cb2f5b0a562d8434c2cdc8d4d940d8e763e5103',
    is: { containerId: 'dc7a95dc3219fa58f6b87ac10cb2f5b0a562d8434c2cdc8d4d940d8e763e5103' },
    source: `${KATA} src/runtime/virtcontainers/sandbox.go`,
  },
  {
    path: '/kata.slice/kata-overhead.slice/runtime-rs-dc7a95dc3219fa58f6b87ac10cb2f5b0a562d8434c2cdc8d4d940d8e763e5103.scope',
    is: { containerId: 'dc7a95dc3219fa58f6b87ac10cb2f5b0a562d8434c2cdc8d4d940d8e763e5103' },
    source: `${KATA} src/runtime-rs: kata-overhead.slice:runtime-rs:ID`,
  },
  {
    path: '/kubepods.slice/kubepods-pod8dbc5577_d0e2_4706_8787_57d52c03ddf2.slice/crio-kata_sandboxed_pod.scope',
    is: { podUid: '8dbc5577-d0e2-4706-8787-57d52c03ddf2' },
    source: `${KATA}: without an id`,
  },
  { path: '/kata_overhead', is: null, source: KATA },
  // nested
  {
    path: '/docker/88ea268ece65a02d68b169fd74bcbcb427eb7f28900db0e3b906fb2eeb7341df/kubelet/kubepods/burstable/poda5ea884f-9e60-4912-bd62-fef9a31db47a/a51a9f7d073f848e7fc59e56e8f11524f330a2175a4ed26327da2dfe0d28015e',
    is: { runtime: 'docker', containerId: '88ea268ece65a02d68b169fd74bcbcb427eb7f28900db0e3b906fb2eeb7341df' },
    source: `${DATADOG}: kind, from outside of its node`,
  },
  {
    path: '/kubelet/kubepods/burstable/poda5ea884f-9e60-4912-bd62-fef9a31db47a/a51a9f7d073f848e7fc59e56e8f11524f330a2175a4ed26327da2dfe0d28015e',
    is: {
      containerId: 'a51a9f7d073f848e7fc59e56e8f11524f330a2175a4ed26327da2dfe0d28015e',
      podUid: 'a5ea884f-9e60-4912-bd62-fef9a31db47a',
    },
    source: `${DATADOG}: kind, in its node`,
  },
  {
    path: '/docker/88ea268ece65a02d68b169fd74bcbcb427eb7f28900db0e3b906fb2eeb7341df/system.slice/containerd.service',
    is: { runtime: 'docker', containerId: '88ea268ece65a02d68b169fd74bcbcb427eb7f28900db0e3b906fb2eeb7341df' },
    source: `${DATADOG}: a service of kind's node`,
  },
  {
    path: '/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-11017d9ed95ddc35b24735fce395331554737a0676defb9930e07b0ee6d802e5.scope/container/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod304864fc_f2da_4bfb_b9a1_37d0f0f96863.slice',
    is: { runtime: 'podman', containerId: '11017d9ed95ddc35b24735fce395331554737a0676defb9930e07b0ee6d802e5' },
    source: 'syntara-orchestration/syntara#330, the kernel’s report: a pod of kind in podman, told of its node',
  },
  {
    path: '/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod1858680e_b044_4fd5_9dd4_f137e30e2180.slice/cri-containerd-f5cfbbf0ab83c29c42f4c1e84f12ca91ef77a2c39ee9b753b48cfbb743958947.scope',
    is: {
      runtime: 'containerd',
      containerId: 'f5cfbbf0ab83c29c42f4c1e84f12ca91ef77a2c39ee9b753b48cfbb743958947',
      podUid: '1858680e-b044-4fd5-9dd4-f137e30e2180',
    },
    source: `${CILIUM}: kind, systemd driver`,
  },
  {
    path: '/kubepods/burstable/pod6e5b24a8-c8b6-11e7-b5e8-a6275109595d/447a0f0b4b1aad5d9ee27eae473451287c49f7634545f6382126d50bb824ea57',
    is: {
      containerId: '447a0f0b4b1aad5d9ee27eae473451287c49f7634545f6382126d50bb824ea57',
      podUid: '6e5b24a8-c8b6-11e7-b5e8-a6275109595d',
    },
    source: 'moby/moby#35601',
  },
  // seen from inside a cgroup namespace
  {
    path: '../../../kubepods-burstable.slice/kubepods-burstable-pod562c01d6_6aba_49fe_ae52_61c40c04eca4.slice/docker-a51a9f7d073f848e7fc59e56e8f11524f330a2175a4ed26327da2dfe0d28015f.scope',
    is: {
      runtime: 'docker',
      containerId: 'a51a9f7d073f848e7fc59e56e8f11524f330a2175a4ed26327da2dfe0d28015f',
      podUid: '562c01d6-6aba-49fe-ae52-61c40c04eca4',
    },
    source: DATADOG,
  },
  {
    path: '/../cri-containerd-d69c73a11a0829217920c272ed0ddbca54750c9dde8dd1a806e42cdc8564fafa.scope',
    is: { runtime: 'containerd', containerId: 'd69c73a11a0829217920c272ed0ddbca54750c9dde8dd1a806e42cdc8564fafa' },
    source: 'Kubernetes, another container of the reader’s own pod',
  },
  { path: '/../container_id2/sub_cgrp_1', is: null, source: KERNEL },
  // no containers
  { path: '/', is: null, source: KERNEL },
  { path: '/init.scope', is: null, source: 'systemd/systemd docs/CGROUP_DELEGATION.md' },
  { path: '/system.slice/docker.service', is: null, source: COROOT },
  { path: '/system.slice/containerd.service', is: null, source: DATADOG },
  { path: '/podruntime/kubelet', is: null, source: `${COROOT}: Talos` },
  { path: '/kubepods', is: null, source: DD_TRACE },
  { path: '/system.slice/system-serial\\x2dgetty.slice', is: null, source: COROOT },
  {
    path: '/user.slice/user-1000.slice/session-2.scope',
    is: null,
    source: 'systemd/systemd src/test/test-cgroup-util.c',
  },
  {
    path: '/system.slice/run-containerd-io.containerd.runtime.v1.linux-k8s.io-14ae50f1d3ada102aec3ab00168fdafb2dc0986d79ca9e8d5b75581fa89e9fea-rootfs.mount',
    is: null,
    source: CADVISOR_CONTAINERD,
  },
];

suite('the owner of a cgroup is what its path says', () => {
  for (const { path, is, source } of rows) {
    test(`${path} (${source})`, () => assert.deepEqual(identify(path), { cgroup: path, ...is }));
  }

  test('in enough examples of everything that writes paths', () => {
    const runtimes = new Set(rows.flatMap(({ is }) => is?.runtime ?? []));
    assert.deepEqual([...runtimes].sort(), [
      'apptainer',
      'buildkit',
      'containerd',
      'cri-o',
      'docker',
      'lxc',
      'nomad',
      'podman',
      'singularity',
      'systemd-nspawn',
    ]);
    assert.ok(rows.length >= 70);
  });
});

suite('a pod is only known by a whole part of the path', () => {
  const ID = 'd69c73a11a0829217920c272ed0ddbca54750c9dde8dd1a806e42cdc8564fafa';
  const UID = '01234567-89ab-cdef-0123-456789abcdef';
  for (const path of [
    `/kubepods/burstable/worker-pod${UID}-cache/${ID}`,
    `/kubepods.slice/cri-containerd-pod${UID}.scope`,
    `/kubepods/burstable/pod0123/${ID}`,
    `/kubepods/burstable/pod0123456g-89ab-cdef-0123-456789abcdef/${ID}`,
    `/user.slice/mypod-pod${UID}.slice`,
  ]) {
    test(path, () => assert.equal(identify(path).podUid, undefined));
  }
});
