/** The commands of the documents, run as they are written there on a Debian that has nothing but Node and npm. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually } from '../support/eventually.ts';
import { folder, peer } from '../support/peers.ts';
import { BASE, podman, podmanEnv, startContainer } from '../support/podman.ts';
import { missing } from '../support/requirements.ts';
import { shellBlocks } from '../support/shell-blocks.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
/** Setting up takes most of it: system packages, npm's, and two compilers. */
const START_MS = 300_000;
/** The batch processor of the collector sends after a few seconds; a busy machine takes longer. */
const SAID_MS = 60_000;

interface Behaviour {
  /** What it prints when it is there; the group is where its metrics are. Without it, it is there when it has ended well. */
  readonly ready?: RegExp;
  /** What it has printed when it ends. */
  readonly said?: RegExp;
  /** It asks npm's registry, which may fail now and then: it is tried so often. */
  readonly tries?: number;
}

/** What each command does; the first that matches. A string says why it is not run here. */
const COMMANDS: readonly (readonly [RegExp, Behaviour | string])[] = [
  [/^npm start/, { ready: /Floatie is measuring.* url="(http:[^"]+)"/ }],
  // Floatie ends first: its last export is at its end.
  [/^otelcol /, { ready: /Everything is ready/, said: /Name: floatie_oom_kills_total/ }],
  [/^npm run build:single$/, { said: /^dist\/floatie: \d+ MB/m }],
  [/^npm run build:packages$|^apt-get install \.\/out\//, 'test/soak/packages.test.ts does'],
  [/^npm run release /, 'it takes a commit with a version of its own; test/release.test.ts says when it can be'],
  [/^dist\/floatie$/, { ready: /Floatie is measuring.* url="(http:[^"]+)"/ }],
  [/^npm pack$/, { said: /^floatie-.*\.tgz$/m }],
  [/^npm install /, { tries: 3 }],
  [/^install /, {}],
  [/^npm test/, 'this is it'],
  [/^npm run bench/, 'it takes minutes, and what it prints is speed'],
  [/^docker run .*grafana/, 'Grafana is not to be had here'],
  [/^docker compose /, 'Grafana is not to be had here'],
  [/^docker .*push/, 'there is no registry here'],
  [/^docker /, 'test/live/image.test.ts and test/live/embedded.test.ts do'],
  [
    /kustomize|kubectl/,
    'there is no cluster here; test/live/manifests.test.ts and test/live/kubernetes.test.ts do what can be done',
  ],
  [/^systemctl /, 'test/live/systemd-guest.test.ts does'],
  [/examples\/plugin/, 'test/live/package.test.ts does, from the package alone'],
];

/** What works once the commands of a page have been run. */
const PROOFS: Readonly<Record<string, readonly string[]>> = {
  'examples/systemd/README.md': ['floatie', 'validate'],
};

const pages = ['README.md', ...globSync(['docs/*.md', 'examples/*/README.md'], { cwd: ROOT }).sort()];
const blocks = pages.flatMap((page) =>
  shellBlocks(readFileSync(join(ROOT, page), 'utf8')).map((block) => ({ page, ...block })),
);

suite('what documents say, followed on a plain Debian', { skip: missing('root', 'btf') }, () => {
  const home = folder();
  after(() => home[Symbol.dispose]());
  let container: ReturnType<typeof startContainer>;
  after(() => container?.[Symbol.dispose]());

  before(() => {
    const checkout = `${home.path}/floatie`;
    execFileSync('git', ['clone', '--quiet', '--no-hardlinks', ROOT, checkout]);
    // What is changed and not committed yet is what is tested.
    const changed = execFileSync('git', ['ls-files', '--modified', '--others', '--exclude-standard', '-z'], {
      cwd: ROOT,
    })
      .toString()
      .split('\0')
      .filter((file) => file !== '' && existsSync(`${ROOT}/${file}`));
    if (changed.length > 0)
      execFileSync('cp', ['--parents', '--target-directory', checkout, ...changed], { cwd: ROOT });
    const npm = dirname(
      dirname(realpathSync(execFileSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim())),
    );
    const certificates = existsSync(CERTIFICATES)
      ? ['-v', `${CERTIFICATES}:/certificates.crt:ro`, '-e', 'NODE_EXTRA_CA_CERTS=/certificates.crt']
      : [];
    container = startContainer(
      ...[
        '--privileged',
        '--network',
        'host',
        '--cgroupns',
        'host',
        '-v',
        '/sys/fs/cgroup:/sys/fs/cgroup',
        ...certificates,
      ],
      ...['-v', `${process.execPath}:/usr/local/bin/node:ro`, '-v', `${npm}:/usr/local/lib/npm:ro`],
      ...['-v', `${checkout}:/floatie`, '-v', `${peer('otelcol')}:/usr/local/bin/otelcol:ro`],
      ...[BASE, 'sleep', 'infinity'],
    );
    podman('exec', container.id, 'ln', '-s', '/usr/local/lib/npm/bin/npm-cli.js', '/usr/local/bin/npm');
  });

  for (const { page, heading, commands } of blocks) {
    const run = commands.filter((command) => typeof behaviour(command) !== 'string');
    if (run.length === 0) continue;
    test(`${heading}: ${run.join('; ')}`, async () => {
      await using programs = new AsyncDisposableStack();
      const started: Program[] = [];
      for (const command of run) {
        const program = programs.use(start(command, behaviour(command) as Behaviour));
        started.push(program);
        const [, url] = await program.ready();
        if (url === undefined) continue;
        const text = await (await fetch(url)).text();
        assert.match(text, /^floatie_probe_attached\{probe="overlayfs",.*\} 1$/m);
      }
      for (const program of started) await program.end();
      const proof = PROOFS[page];
      if (proof !== undefined) podman('exec', container.id, ...proof);
    });
  }

  test('every command in a document is run, here or elsewhere', () => {
    for (const command of blocks.flatMap(({ commands }) => commands)) behaviour(command);
  });

  interface Program extends AsyncDisposable {
    ready(): Promise<readonly string[]>;
    /** As by a service manager: it must end well, and have said what it should. */
    end(): Promise<void>;
  }

  let count = 0;
  function start(command: string, { ready, said = ready, tries = 1 }: Behaviour): Program {
    const pidFile = `/run/started-${count++}`;
    const again = `${command} || { sleep 5; false; } || `.repeat(tries - 1);
    const script = `cd /floatie; echo $$ >${pidFile}; ${again} exec ${command}`;
    const child: ChildProcess = spawn('podman', ['exec', container.id, 'sh', '-c', script], { env: podmanEnv() });
    const exited = once(child, 'exit');
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        output += chunk;
      });
    }
    const matches = (): readonly string[] | null => {
      const found = ready === undefined ? (child.exitCode === null ? null : ['']) : ready.exec(output);
      if (child.exitCode !== null && (found === null || child.exitCode !== 0)) {
        throw new Error(`"${command}" ended with ${child.exitCode}:\n${output}`);
      }
      return found;
    };
    const end = async (): Promise<void> => {
      // The collector prints a batch a moment after it has come.
      if (child.exitCode === null && said !== undefined)
        await eventually(`"${command}" has said ${said}`, () => said.test(output) || null, SAID_MS);
      if (child.exitCode === null) podman('exec', container.id, 'sh', '-c', `kill -TERM $(cat ${pidFile})`);
      const [code] = await exited;
      assert.equal(code, 0, `"${command}" ended with ${code}:\n${output}`);
      if (said !== undefined) assert.match(output, said);
    };
    return {
      ready: () => eventually(`"${command}" is ready`, matches, START_MS),
      end,
      async [Symbol.asyncDispose]() {
        if (child.exitCode === null) await end();
      },
    };
  }
});

function behaviour(command: string): Behaviour | string {
  const found = COMMANDS.find(([pattern]) => pattern.test(command));
  if (found === undefined) throw new Error(`"${command}" is in a document, and nothing says how it is tested`);
  return found[1];
}
