/** The command as people meet it: what it says when it cannot work, and how it stops. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { assertNothingLeft, heldBy, KINDS } from '../support/kernel-objects.ts';
import { folder, freePort } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const ANY_PORT = ['--set', 'exporters.prometheus.port=0'];

suite('a command that cannot work says why in one line, and the cure', () => {
  test('without privilege', { skip: missing('root') }, () => {
    const result = spawnSync('setpriv', ['--reuid', 'nobody', '--clear-groups', process.execPath, MAIN, ...ANY_PORT], {
      encoding: 'utf8',
      cwd: ROOT,
    });
    assertRefusal(result, 1, /lacks CAP_BPF and CAP_PERFMON.*root/);
  });

  test('on a kernel without BTF', { skip: missing('root') }, () => {
    const hide = 'mount -t tmpfs none /sys/kernel/btf && exec "$@"';
    const result = spawnSync('unshare', ['-m', 'sh', '-c', hide, 'sh', process.execPath, MAIN, ...ANY_PORT], {
      encoding: 'utf8',
    });
    assertRefusal(result, 1, /\/sys\/kernel\/btf\/vmlinux.*CONFIG_DEBUG_INFO_BTF/);
  });

  test('with a cgroup that is not there', { skip: missing('root') }, async () => {
    assertRefusal(await run('--set', 'kernel.cgroup=/nowhere'), 1, /kernel\.cgroup: there is no cgroup "\/nowhere"/);
  });

  test('with a libbpf that is damaged', { skip: missing('root') }, () => {
    const listed = execFileSync('ldconfig', ['-p'], { encoding: 'utf8' });
    const library = realpathSync(/libbpf\.so\.1 .*=> (\S+)/.exec(listed)?.[1] ?? '');
    const hide = `mount --bind /dev/null ${library} && exec "$@"`;
    const result = spawnSync('unshare', ['-m', 'sh', '-c', hide, 'sh', process.execPath, MAIN, ...ANY_PORT], {
      encoding: 'utf8',
    });
    assertRefusal(result, 1, /libbpf\.so\.1.*damaged.*apt-get install --reinstall libbpf1/);
  });

  test('when its port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const result = await run('--set', `exporters.prometheus.port=${port}`);
    server.close();
    assertRefusal(result, 1, /another program does.*--set exporters\.prometheus\.port=/);
  });

  const folder = mkdtempSync(join(tmpdir(), 'floatie-config-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  for (const { given, args, says } of [
    {
      given: 'a configuration that is not there',
      args: ['--config', join(folder, 'none')],
      says: /none: cannot be read: ENOENT/,
    },
    { given: 'a malformed configuration', args: ['--config', file('bad', 'receivers: [\n')], says: /bad: .*line \d/ },
    {
      given: 'an unknown key',
      args: ['--config', file('key', 'exporters: {prometheus: {prot: 1}}')],
      says: /exporters\.prometheus\.prot: unknown key; did you mean "exporters\.prometheus\.port"\?/,
    },
    {
      given: 'a value of the wrong type',
      args: ['--set', 'exporters.prometheus.port=many'],
      says: /exporters\.prometheus\.port: must be a whole number from 0 to 65535, not "many"/,
    },
    {
      given: '--max-map-entries 0',
      args: ['--max-map-entries', '0'],
      says: /kernel\.max_map_entries: must be a whole number from 1 to 65536, not 0 \(from --max-map-entries\)/,
    },
    {
      given: 'an unknown flag',
      args: ['--max-map-entrys=1'],
      says: /Unknown flag "--max-map-entrys"; did you mean "--max-map-entries"\?/,
    },
    { given: 'an unknown command', args: ['rnu'], says: /Unknown command "rnu"; did you mean "run"\?/ },
  ]) {
    test(`with ${given}`, async () => assertRefusal(await run(...args), 2, says));
  }

  test('with a configuration it may not read', { skip: missing('root') }, () => {
    const secret = file('secret', '');
    chmodSync(secret, 0o600);
    const result = spawnSync(
      'setpriv',
      ['--reuid', 'nobody', '--clear-groups', process.execPath, MAIN, '--config', secret],
      {
        encoding: 'utf8',
      },
    );
    // Its folder is root's as well.
    assertRefusal(result, 2, /secret: cannot be read: EACCES/);
  });

  test('all problems are said at once', async () => {
    const { status, stderr } = await run('--max-map-entries=0', '--set', 'service.telemetry.log_level=loud');
    assert.equal(status, 2);
    assert.equal(stderr.trim().split('\n').length, 2);
  });

  test.after(() => rmSync(folder, { recursive: true }));
});

suite('stopping', { skip: missing('root', 'btf') }, () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`${signal} ends it with exit code 0 and leaves nothing in the kernel`, async () => {
      await using floatie = await startFloatie();
      const held = heldBy(floatie.process.pid ?? 0);
      for (const kind of KINDS)
        assert.ok(
          held.some((object) => object.startsWith(kind)),
          `it holds a ${kind}`,
        );
      assert.equal(await floatie.stop(signal), 0);
      await assertNothingLeft(held);
    });
  }

  test('SIGKILL leaves nothing in the kernel', async () => {
    await using floatie = await startFloatie();
    const held = heldBy(floatie.process.pid ?? 0);
    await floatie.stop('SIGKILL');
    await assertNothingLeft(held);
  });

  for (const { what, target } of [
    { what: 'SIGTERM to npm alone', target: (pid: number) => pid },
    { what: 'SIGINT to the whole process group, as a terminal sends it', target: (pid: number) => -pid },
  ]) {
    test(`${what} ends npm start and everything below it, with exit code 0`, async () => {
      const npm = spawn('npm', ['start', '--silent', '--', ...ANY_PORT], {
        cwd: ROOT,
        detached: true,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const exited = once(npm, 'exit');
      let said = '';
      npm.stderr.on('data', (chunk) => {
        said += chunk;
      });
      try {
        await eventually('Floatie is measuring', () => said.includes('Floatie is measuring'), 60_000);
        process.kill(target(npm.pid ?? 0), what.startsWith('SIGTERM') ? 'SIGTERM' : 'SIGINT');
        assert.deepEqual(await exited, [0, null]);
        await eventually('the process group is gone', () => !groupExists(npm.pid ?? 0), 2000);
      } finally {
        if (groupExists(npm.pid ?? 0)) process.kill(-(npm.pid ?? 0), 'SIGKILL');
      }
    });
  }
});

test('print-config prints the configuration as YAML that is a configuration again', async () => {
  const { stdout } = await run('print-config', '--max-map-entries', '77');
  using printed = folder();
  const file = join(printed.path, 'floatie.yaml');
  writeFileSync(file, stdout);
  assert.equal((await run('print-config', '--config', file)).stdout, stdout);
  assert.match(stdout, /max_map_entries: 77/);
  assert.match((await run('validate', '--config', file)).stdout, /valid/);
});

test('the printed output of npm start is not mixed with that of the set-up', () => {
  const stdout = execFileSync('npm', ['start', '--silent', '--', 'print-config'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  assert.match(stdout, /^kernel:\n/);
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}

function assertRefusal({ status, stderr }: Ended, code: number, says: RegExp): void {
  assert.match(stderr, says);
  assert.equal(status, code);
  assert.deepEqual(
    stderr
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('floatie: ')),
    [],
    'one line, and no stack trace',
  );
}

function groupExists(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('scrapes are answered before the programs are tried and attached, and say so', {
  skip: missing('root', 'btf'),
}, async () => {
  const port = await freePort();
  const child = spawn(process.execPath, [MAIN, '--set', `exporters.prometheus.port=${port}`], { stdio: 'ignore' });
  const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
  const ended = once(child, 'exit');
  try {
    const first = await eventually('it answers', () => get('/metrics').catch(() => false as const));
    assert.equal(first.status, 200);
    assert.match(await first.text(), /^floatie_probe_attached\{probe="overlayfs",.*\} 0$/m);
    const attached = (text: string): boolean => /^floatie_probe_attached\{probe="overlayfs",.*\} 1$/m.test(text);
    await eventually('it is ready', async () => (await get('/readyz')).ok);
    assert.ok(attached(await (await get('/metrics')).text()));
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
});
