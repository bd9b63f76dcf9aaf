/**
 * What a neighbour tries to get into a Floatie that runs with capabilities: as another user, as the same user, and from a
 * container in the same PID namespace. No try may give code, capabilities, or what is in a file that only root reads.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { fixture } from '../support/fixtures.ts';
import { type Floatie, MAIN, startFloatie } from '../support/floatie.ts';
import { folder } from '../support/peers.ts';
import { BASE, podman, runPodman, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SECRET = 'hunter2xyz';
/** What it measures does not matter here: its capabilities are there all the same. */
const PRESSURE_ONLY = ['--set', 'service.pipelines.metrics.receivers=[pressure]'];
/** Where Node listens to debuggers. */
const DEBUGGER = '9229';
const CAPABILITIES = '+bpf,+perfmon,+dac_read_search';
const OWN = ['--reuid=65533', '--regid=65533', '--clear-groups'];
const OTHER = ['--reuid=65531', '--regid=65531', '--clear-groups'];

/** Signals that neither end nor stop it: the kernel lets the same user, and root, send them. */
const SIGNAL = /^signal \d+$/;

suite('who tries to get into a Floatie with capabilities', { skip: missing('root', 'btf') }, () => {
  let program = '';
  before(() => {
    program = fixture('tries', '-static');
  });

  for (const [who, user, mayAlso] of [
    ['another user', OTHER, /^$/],
    ['the same user', OWN, SIGNAL],
    ['root without capabilities', ['--bounding-set=-all', '--inh-caps=-all'], /^$/],
  ] as const) {
    test(`gains nothing as ${who}`, async () => {
      using files = folder({ secret: SECRET });
      chmodSync(files.path, 0o755);
      chmodSync(join(files.path, 'secret'), 0o600);
      // Root without capabilities is the owner of root's files.
      const secret = user === OWN || user === OTHER ? join(files.path, 'secret') : '/proc/1/environ';
      await using floatie = await startOwn();
      const tries = ['setpriv', ...user, program, String(floatie.process.pid), secret, DEBUGGER];
      assertNothing(execFileSync(tries[0] ?? '', tries.slice(1), { encoding: 'utf8' }), mayAlso);
      await assertUnharmed(floatie);
    });
  }

  test('gains nothing from a container in the same PID namespace, as its root', async () => {
    using victim = startContainer(
      ...[
        '--network=none',
        '--cap-drop=ALL',
        '--cap-add=BPF',
        '--cap-add=PERFMON',
        '--security-opt',
        'seccomp=unconfined',
      ],
      // This machine's Node and libraries, which the image need not be built for.
      ...['-v', '/usr:/usr:ro', '-v', `${ROOT}:${ROOT}:ro`, BASE, process.execPath, MAIN, ...PRESSURE_ONLY],
    );
    await eventually('it measures', () => runPodman('logs', victim.id).stderr.includes('Floatie is measuring'));
    const output = podman(
      ...['run', '--rm', '--ulimit', 'host', '--network', `container:${victim.id}`, '--pid', `container:${victim.id}`],
      ...['--cap-drop=ALL', '-v', `${program}:/tries:ro`, BASE, '/tries', '1', '/proc/1/root/etc/shadow', DEBUGGER],
    );
    // The same number of a user: the kernel lets it signal.
    assertNothing(output, SIGNAL);
    assert.equal(podman('inspect', '--format', '{{.State.Running}}', victim.id), 'true');
  });
});

/** Of root's, and of what Floatie is told to read as a user with `CAP_DAC_READ_SEARCH`. */
const CONTENTS: Readonly<Record<string, string>> = {
  shadow: `root:$6$${SECRET}:19000:0:99999:7:::\n`,
  token: `${SECRET}\n`,
  pem: `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`,
  json: `{"auths": {"registry": {"auth": "${SECRET}"}}}\n`,
};
const set = (key: string) => (path: string) => ['--set', `${key}=${path}`];
const tls = (key: string) => (path: string) => [
  ...['--set', 'exporters.otlp.endpoint=https://127.0.0.1:1', '--set', `exporters.otlp.tls.${key}=${path}`],
];
const PLACES: Readonly<Record<string, (path: string) => string[]>> = {
  '--config': (path) => ['--config', path],
  web_config_file: set('exporters.prometheus.web_config_file'),
  'tls.ca_file': tls('ca_file'),
  'tls.cert_file': tls('cert_file'),
  'tls.key_file': tls('key_file'),
  'a list': set('containers.include'),
  'a number': set('exporters.prometheus.port'),
};

suite('a file that only root reads is shown by no argument or variable', { skip: missing('root') }, () => {
  for (const [place, argumentsOf] of Object.entries(PLACES)) {
    test(place, () => {
      using files = folder(CONTENTS);
      for (const name of Object.keys(CONTENTS)) chmodSync(join(files.path, name), 0o600);
      for (const name of Object.keys(CONTENTS)) {
        const args = argumentsOf(join(files.path, name));
        const capable = ['--inh-caps=-all,+dac_read_search', '--ambient-caps=-all,+dac_read_search', ...OWN];
        const { stdout, stderr, status } = spawnSync(
          'setpriv',
          [...capable, process.execPath, MAIN, 'validate', ...args],
          {
            encoding: 'utf8',
            env: {},
            timeout: 20_000,
          },
        );
        assert.notEqual(status, null, 'it ended');
        assert.ok(!(stdout + stderr).includes(SECRET), stdout + stderr);
      }
    });
  }
});

/** Node, the loader, OpenSSL and the C library take code, files or settings from these. */
const VARIABLES = [
  ...[
    'NODE_OPTIONS',
    'NODE_PATH',
    'NODE_V8_COVERAGE',
    'NODE_COMPILE_CACHE',
    'NODE_EXTRA_CA_CERTS',
    'NODE_REDIRECT_WARNINGS',
  ],
  ...['NODE_TLS_REJECT_UNAUTHORIZED', 'NODE_ICU_DATA', 'NODE_REPL_EXTERNAL_MODULE', 'NODE_DEBUG', 'UV_THREADPOOL_SIZE'],
  ...[
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'LD_AUDIT',
    'LD_DEBUG_OUTPUT',
    'GLIBC_TUNABLES',
    'GCONV_PATH',
    'LOCPATH',
    'HOSTALIASES',
  ],
  ...['OPENSSL_CONF', 'OPENSSL_MODULES', 'OPENSSL_ENGINES', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'SSLKEYLOGFILE'],
  ...['MALLOC_TRACE', 'RES_OPTIONS', 'TMPDIR', 'HOME', 'PATH', 'BASH_ENV', 'ENV'],
];

test('the image’s command passes on no variable that gives code, also where FLOATIE_ENV asks for it', () => {
  using files = folder();
  const source = readFileSync(new URL('../../image/floatie.c', import.meta.url), 'utf8');
  // In Node's place what prints the variables that it is given.
  const printer = join(files.path, 'printer');
  writeFileSync(
    join(files.path, 'printer.c'),
    '#include <stdio.h>\nextern char **environ;\nint main(void) { for (char **at = environ; *at; at++) puts(*at); }\n',
  );
  writeFileSync(join(files.path, 'floatie.c'), source.replace(/(#define NODE) .*/, `$1 "${printer}"`));
  for (const name of ['printer', 'floatie']) {
    execFileSync('clang', ['-o', join(files.path, name), join(files.path, `${name}.c`)]);
  }
  const given = Object.fromEntries(VARIABLES.map((name) => [name, '/no/such/thing']));
  // These would keep the command itself from running here, where it has no capabilities of its file.
  for (const name of ['LD_PRELOAD', 'LD_AUDIT', 'LD_LIBRARY_PATH', 'GLIBC_TUNABLES', 'LD_DEBUG_OUTPUT'])
    given[name] = '';
  const env = {
    ...given,
    TZ: 'UTC',
    FLOATIE_ENV: VARIABLES.filter((name) => !['BASH_ENV', 'ENV'].includes(name)).join(','),
  };
  assert.equal(execFileSync(join(files.path, 'floatie'), { env, encoding: 'utf8' }), 'TZ=UTC\n');
});

/** As a user of its own, with more than the least. */
function startOwn(): Promise<Floatie> {
  const capable = [`--inh-caps=-all,${CAPABILITIES}`, `--ambient-caps=-all,${CAPABILITIES}`, ...OWN];
  return startFloatie(PRESSURE_ONLY, { command: ['setpriv', ...capable, process.execPath, MAIN] });
}

function assertNothing(output: string, mayAlso: RegExp): void {
  const gained = output.split('\n').filter((line) => line !== '' && !mayAlso.test(line));
  assert.deepEqual(gained, []);
}

/** It measures on, listens on no other port, and has written nothing. */
async function assertUnharmed(floatie: Floatie): Promise<void> {
  assert.equal((await floatie.scrape()).select('floatie_probe_attached', { probe: 'pressure' })[0]?.value, 1);
  assert.ok(!JSON.stringify(floatie.log).includes('Debugger'));
  assert.deepEqual(
    readdirSync(process.cwd()).filter((name) => /\.(heapsnapshot|cpuprofile)$|^report\./.test(name)),
    [],
  );
}
