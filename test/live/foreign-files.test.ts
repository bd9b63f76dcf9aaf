/** The built program with files that are no configuration: it shows nothing of them, and waits for none. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { MAIN, startFloatie } from '../support/floatie.ts';
import { folder } from '../support/peers.ts';

const SECRET = 'hunter2xyz';
/** Long before this a program that does not wait has ended. */
const TIMEOUT_MS = 20_000;

function floatie(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: 'utf8',
    env: {},
    timeout: TIMEOUT_MS,
  });
  return { status, output: stdout + stderr };
}

const FILES: readonly [name: string, text: string][] = [
  ['of hashes of passwords', `root:$6$${SECRET}$abc:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\n`],
  ['of hashes, the last without an end', `root:$y$j9T$${SECRET}:19000::::::`],
  ['of variables', `TOKEN=${SECRET}\nOTHER="${SECRET}"\n`],
  ['of a key', `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`],
  ['of logins', `machine example.com\n  login me\n  password ${SECRET}\n`],
  ['of tokens', `${SECRET}: ${SECRET}\n`],
  ['of tokens in JSON', `{"users": {"${SECRET}": ["${SECRET}"]}}`],
  ['of an alias', `a: *${SECRET}\n`],
  ['of a tag', `a: !${SECRET} b\n`],
  ['of a key that is a mapping', `? {${SECRET}: 1}\n: b\n`],
  ['of a key that is twice', `${SECRET}: 1\n${SECRET}: 2\n`],
  ['of an escape', `a: "\\x${SECRET}"\n`],
  ['of a block', `a: |${SECRET}\n  b\n`],
  ['of a reserved character', `a: @${SECRET}\n`],
  ['of an indent', `a:\n  - b\n c: ${SECRET}\n`],
  ['of a directive', `%${SECRET} 1\n---\na: b\n`],
  ['of a reference', `a: \${${SECRET}:x}\n`],
  ['of other keys beside sections', `kernel: {$6$${SECRET}: 1}\n$6$${SECRET}: 1\n`],
];

suite('a file that is no configuration', () => {
  for (const [name, text] of FILES) {
    test(`is refused, and nothing of it is shown: one ${name}`, () => {
      using files = folder({ file: text });
      const file = join(files.path, 'file');
      for (const args of [
        ['--config', file],
        ['--set', `exporters.prometheus.web_config_file=${file}`],
      ]) {
        const { status, output } = floatie('validate', ...args);
        assert.equal(status, 2, output);
        assert.ok(!output.includes(SECRET), output);
      }
    });
  }

  test('is refused within seconds, however many keys it has', () => {
    const many = Array.from({ length: 40_000 }, (_, index) => `key${'abcdefghij'[index % 10]}_x${index}: 1`);
    const views = `views: [{ selector: { ${many.join(', ')} }, stream: {} }]`;
    using files = folder({ top: many.join('\n'), inside: `exporters:\n  ${many.join('\n  ')}`, views });
    for (const file of ['top', 'inside', 'views']) {
      const { status, output } = floatie('validate', '--config', join(files.path, file));
      assert.equal(status, 2);
      assert.ok(output.split('\n').length < 50);
    }
  });
});

suite('what is no file', () => {
  const places: [name: string, argumentsOf: (path: string) => string[]][] = [
    ['a configuration', (path) => ['--config', path]],
    ['a web configuration', (path) => ['--set', `exporters.prometheus.web_config_file=${path}`]],
    [
      'a certificate',
      (path) => ['--set', 'exporters.otlp.endpoint=https://a:4317', '--set', `exporters.otlp.tls.ca_file=${path}`],
    ],
  ];
  for (const [name, argumentsOf] of places) {
    test(`is refused as ${name}, and not waited for`, () => {
      using files = folder();
      const fifo = join(files.path, 'fifo');
      execFileSync('mkfifo', [fifo]);
      for (const [path, reason] of [
        [fifo, 'it is a pipe, and no file'],
        ['/dev/zero', 'it is larger than 1 MiB'],
        ['/proc/self/fd', 'EISDIR'],
      ] as const) {
        const { status, output } = floatie('validate', ...argumentsOf(path));
        assert.deepEqual([status, output.includes(reason)], [2, true], output);
      }
    });
  }

  test('but a pipe that the shell gives is a configuration, and /dev/null an empty one', () => {
    const command = '"$0" "$1" validate --config /dev/stdin';
    const run = (script: string) => spawnSync('sh', ['-c', script, process.execPath, MAIN], { encoding: 'utf8' });
    assert.deepEqual(run(`(sleep 0.2; echo 'views:') | env -i ${command}`).status, 0);
    assert.match(run(`true | env -i ${command}`).stderr, /the pipe is empty/);
    assert.equal(floatie('validate', '--config', '/dev/null').status, 0);
  });

  test('does not keep a Floatie that runs from going on, and from ending', async () => {
    using files = folder({ 'web.yml': 'http_server_config: {}', 'floatie.yaml': 'views:' });
    const [web, config] = [join(files.path, 'web.yml'), join(files.path, 'floatie.yaml')];
    await using running = await startFloatie([
      ...['--config', config, '--set', `exporters.prometheus.web_config_file=${web}`],
      ...['--set', 'service.pipelines.metrics.receivers=pressure'],
    ]);
    execFileSync('mkfifo', [`${web}.new`, `${config}.new`]);
    renameSync(`${web}.new`, web);
    renameSync(`${config}.new`, config);
    running.process.kill('SIGHUP');
    await eventually('it says that the configuration stays', () =>
      running.log.some(({ message }) => message.startsWith('The configuration stays as it was')),
    );
    assert.ok((await running.scrape()).samples.length > 0);
    writeFileSync(`${config}.new`, 'views:');
    const exited = once(running.process, 'exit');
    running.process.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
  });
});
