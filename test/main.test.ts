import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/load.ts';
import { redact } from '../src/config/redact.ts';
import { eventually } from './support/eventually.ts';
import { folder, freePort } from './support/peers.ts';
import { missing } from './support/requirements.ts';

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const CONFIG = fileURLToPath(new URL('../config/floatie.yaml', import.meta.url));
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

function floatie(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', env: {} });
}

suite('floatie', () => {
  test('--help prints the usage', () => {
    const { status, stdout, stderr } = floatie('--help');
    assert.deepEqual([status, stdout.startsWith('Usage: floatie'), stderr], [0, true, '']);
  });

  test('--version prints the version of the package', () => {
    const { status, stdout, stderr } = floatie('--version');
    assert.deepEqual([status, stdout, stderr], [0, `floatie ${version}\n`, '']);
  });

  test('--licenses prints the license', () => {
    const { status, stdout } = floatie('--licenses');
    assert.deepEqual([status, stdout], [0, readFileSync(new URL('../LICENSE', import.meta.url), 'utf8')]);
  });

  test('validate says that a good configuration is one', () => {
    const { status, stdout } = floatie('validate', '--config', CONFIG);
    assert.deepEqual([status, stdout], [0, 'The configuration is valid\n']);
  });

  test('validate ends with 2 and one line on stderr for each problem', () => {
    const { status, stdout, stderr } = floatie('validate', '--config', CONFIG, '--set', 'a=1', '--set', 'b=1');
    assert.deepEqual(
      [status, stdout, stderr],
      [2, '', 'floatie: --set a: unknown key\nfloatie: --set b: unknown key\n'],
    );
  });

  test('validate reads the files that the configuration names, too', () => {
    const web = fileURLToPath(new URL('../package.json', import.meta.url));
    const { status, stderr } = floatie('validate', '--set', `exporters.prometheus.web_config_file=${web}`);
    assert.deepEqual(
      [status, stderr.startsWith(`floatie: ${web}:1: is no web configuration: it has none of the keys `)],
      [2, true],
    );
  });

  test('validate finds certificates for OTLP that cannot be used', () => {
    const set = [
      ...['exporters.otlp.endpoint=http://a:4317', 'exporters.otlp.tls.cert_file=/nonexistent'],
      ...['exporters.otlp/eu.endpoint=https://b:4317', 'exporters.otlp/eu.tls.ca_file=/nonexistent'],
      'service.pipelines.metrics.exporters=otlp,otlp/eu',
    ];
    const { status, stderr } = floatie('validate', ...set.flatMap((pair) => ['--set', pair]));
    assert.equal(status, 2);
    assert.match(stderr, /^floatie: exporters\.otlp\.tls\.cert_file: \/nonexistent cannot be used: ENOENT/m);
    assert.match(stderr, /^floatie: exporters\.otlp\/eu\.tls\.ca_file: \/nonexistent cannot be used: ENOENT/m);
    assert.match(stderr, /^floatie: exporters\.otlp\.tls: cert_file and key_file need each other$/m);
    assert.match(stderr, /^floatie: exporters\.otlp\.tls: needs an endpoint that begins with https:/m);
  });

  test('print-config prints YAML that can be piped', () => {
    const { status, stdout, stderr } = floatie('print-config', '--config', CONFIG);
    assert.deepEqual([status, parse(stdout), stderr], [0, redact(loadConfig({ env: {}, set: [] })), '']);
  });

  test('print-config shows no secret of headers, URLs or the web configuration', () => {
    using files = folder({
      'web.yaml': 'basic_auth_users: { me: $2y$10$abcdefghijklmnopqrstuuS3crethashS3crethashS3crethashS3c }\n',
      'floatie.yaml': `
exporters:
  prometheus: { web_config_file: web.yaml }
  otlp: { endpoint: "https://me:s3cret@a:4317", headers: { authorization: Bearer s3cret } }
  otlphttp/eu: { endpoint: "https://b:4318", headers: { x-token: "\${env:TOKEN}" } }
`,
    });
    const env = {
      TOKEN: 's3cret',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=s3cret',
      FLOATIE_EXPORTERS_OTLPHTTP_HEADERS: '{ a: s3cret }',
    };
    const args = [MAIN, 'print-config', '--config', `${files.path}/floatie.yaml`];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env });
    assert.deepEqual([status, stderr], [0, '']);
    assert.ok(!/s3cret/i.test(stdout), stdout);
    assert.equal(parse(stdout).exporters['otlphttp/eu'].headers['x-token'], '[redacted]');
  });

  test('run measures nothing where OTEL_SDK_DISABLED says so, and answers whoever asks how it is', {
    skip: missing('libbpf'),
  }, async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [MAIN, '--set', `exporters.prometheus.port=${port}`], {
      env: { OTEL_SDK_DISABLED: 'true' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(child, 'exit');
    try {
      const [line] = (await once(child.stderr, 'data')) as [Buffer];
      assert.match(line.toString(), /OTEL_SDK_DISABLED is true/);
      const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
      await eventually('it answers', () =>
        get('/healthz').then(
          ({ ok }) => ok,
          () => false,
        ),
      );
      await eventually('it is ready', async () => (await get('/readyz')).ok);
      assert.equal(readFileSync(`/proc/${child.pid}/comm`, 'utf8'), 'floatie\n');
      const samples = (await (await get('/metrics')).text())
        .split('\n')
        .filter((one) => /^(floatie|process)_/.test(one));
      assert.deepEqual(samples, []);
    } finally {
      child.kill('SIGTERM');
    }
    assert.deepEqual(await exited, [0, null]);
  });

  test('ends with 2 and a hint for a command that does not exist', () => {
    const { status, stderr } = floatie('strat');
    assert.deepEqual([status, stderr], [2, 'floatie: Unknown command "strat" (see floatie --help)\n']);
  });

  test('ends with 2 for a value that is no YAML', () => {
    assert.equal(floatie('validate', '--config', CONFIG, '--set', 'views=[*a]').status, 2);
  });
});
