/** config/seccomp.json lets the image run in every mode, and nothing through that none of them needs. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { createAuthority } from '../support/certificates.ts';
import { createCollector } from '../support/collector.ts';
import { dockerRuns, withProfile } from '../support/docker-run.ts';
import { eventually } from '../support/eventually.ts';
import { buildImage } from '../support/image.ts';
import { folder, freePort } from '../support/peers.ts';
import { runPodman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';
import { scrapeTls } from '../support/tls-scrape.ts';

const [, least = []] = dockerRuns('README.md');
/** As the README says, but for the port, which is the machine's own here. */
const asDocumented = withProfile(least).filter((word) => !['-p', '-it', '--rm', '127.0.0.1:9090:9090'].includes(word));

test('the profile has none of the calls that lead out of a container or into other processes', () => {
  const { syscalls, defaultAction } = JSON.parse(
    readFileSync(new URL('../../config/seccomp.json', import.meta.url), 'utf8'),
  );
  assert.equal(defaultAction, 'SCMP_ACT_ERRNO');
  const names = syscalls.flatMap(({ names }: { names: string[] }) => names);
  const dangerous = [
    'ptrace',
    'process_vm_readv',
    'process_vm_writev',
    'pidfd_getfd',
    'mount',
    'move_mount',
    'umount2',
    'setns',
    'unshare',
  ];
  const more = [
    'keyctl',
    'add_key',
    'init_module',
    'kexec_load',
    'userfaultfd',
    'io_uring_setup',
    'personality',
    'chroot',
    'pivot_root',
  ];
  assert.deepEqual(
    [...dangerous, ...more].filter((name) => names.includes(name)),
    [],
  );
});

suite('under the seccomp profile', { skip: missing('root', 'btf') }, () => {
  before(() => buildImage());

  for (const command of ['validate', 'print-config', 'doctor', '--version']) {
    test(`${command} ends well`, () => {
      const { status, stdout, stderr } = runPodman(
        'run',
        '--rm',
        '--ulimit',
        'host',
        '--network=none',
        ...asDocumented,
        command,
      );
      assert.equal(status, 0, stdout + stderr);
      if (command === 'doctor') assert.match(stdout, /seccomp +a filter, which lets bpf\(\) through/);
    });
  }

  test('it measures with TLS, both ways of OTLP, the kernel’s log and names of cgroups, reloads, and stops', async () => {
    using authority = createAuthority();
    const { cert, key } = authority.issue('server');
    await using collector = await createCollector();
    await collector.start();
    const port = await freePort();
    const config = (level: string) => `
exporters:
  prometheus: { host: 127.0.0.1, port: ${port}, web_config_file: /config/web.yml }
  otlp: { endpoint: "${collector.endpoint}", interval_ms: 500 }
  otlphttp: { endpoint: "${collector.httpEndpoint}", interval_ms: 500 }
service:
  pipelines: { metrics: { exporters: [prometheus, otlp, otlphttp, debug] } }
  telemetry: { log_level: ${level} }
`;
    using files = folder({
      'floatie.yaml': config('info'),
      'web.yml': 'tls_server_config: { cert_file: server.crt, key_file: server.key }\n',
      'server.crt': readFileSync(cert, 'utf8'),
      'server.key': readFileSync(key, 'utf8'),
    });
    chmodSync(files.path, 0o755);
    const more = ['--network=host', '--device', '/dev/kmsg', '--cap-add', 'SYSLOG', '--cap-add', 'DAC_READ_SEARCH'];
    using floatie = startContainer(
      ...more,
      '-v',
      `${files.path}:/config:ro`,
      ...asDocumented,
      '--config',
      '/config/floatie.yaml',
    );
    const log = (): string => {
      const { stdout, stderr } = runPodman('logs', floatie.id);
      return stdout + stderr;
    };
    const says = (what: RegExp): Promise<unknown> => eventually(`the log says ${what}`, () => what.test(log()), 20_000);
    await says(/Floatie is measuring url="https:/);
    assert.doesNotMatch(log(), /The scope of OOM kills will be/);
    for (const exporter of ['otlp', 'otlphttp']) {
      await eventually(`an export by ${exporter} succeeds`, async () => {
        const metrics = await scrapeTls(`https://127.0.0.1:${port}/metrics`, authority.pem);
        return metrics.sum('floatie_otlp_exports_total', { exporter, outcome: 'success' }) > 0;
      });
    }
    writeFileSync(join(files.path, 'floatie.yaml'), config('debug'));
    runPodman('kill', '--signal', 'HUP', floatie.id);
    await says(/onfiguration.*reloaded|[Rr]eloaded/);
    runPodman('kill', '--signal', 'TERM', floatie.id);
    await eventually(
      'it has ended',
      () =>
        runPodman('inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', floatie.id).stdout.trim() ===
        'exited 0',
      15_000,
    );
  });
});
