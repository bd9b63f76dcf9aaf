/** `floatie top` in a real terminal. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { type Model, START } from '../../src/commands/top/model.ts';
import { screen } from '../../src/commands/top/screen.ts';
import { flatten } from '../../src/records/encode.ts';
import { container, LONG, operation, WEB } from '../support/containers-answer.ts';
import { eventually } from '../support/eventually.ts';
import { READY, startFixedFloatie } from '../support/fixed-floatie.ts';
import { MAIN } from '../support/floatie.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';
import { startTmux, type Tmux } from '../support/tmux.ts';

const [COLUMNS, ROWS] = [100, 20];

/** Starts it in the shell, between two looks at the settings of the terminal. */
async function top(terminal: Tmux, url: string, home: string, ...args: string[]): Promise<void> {
  const command = [process.execPath, MAIN, 'top', '--url', url, ...args].join(' ');
  terminal.press(
    `stty -a >${home}/before; ${command}; echo $? >${home}/code; stty -a >${home}/after; echo done`,
    'Enter',
  );
  await terminal.shows(/^Floatie {2}\d+ container/m);
}

suite('floatie top in a terminal', { skip: missing('tmux') }, () => {
  test('has keys that mark, show, sort, filter and quit, and leaves the terminal as it was', async () => {
    using home = folder();
    await using floatie = await startFixedFloatie();
    using terminal = await startTmux(COLUMNS, ROWS);
    await top(terminal, floatie.url, home.path);
    assert.match(terminal.screen().join('\n'), /CONTAINER .*KILLS\nkilled .* 2\nweb-1 .* 86 % device 80 %/);
    assert.doesNotMatch(terminal.screen().join('\n'), /\p{Bidi_C}/u);
    assert.match(terminal.screen().join('\n'), /^<img src=x /m);
    terminal.press('Down', 'Enter');
    await terminal.shows(/^web-1$[\s\S]*Waited {4}device 41.3 s[\s\S]*^read .* device 80 %, lock 20 %$/m);
    terminal.press('Escape');
    await terminal.shows(/^CONTAINER/m);
    terminal.press('s');
    await terminal.shows(/by waits[\s\S]*^web-1/m);
    terminal.press('/', 'qui', 'Enter');
    await terminal.shows(/1 container with "qui"[\s\S]*^quiet/m);
    terminal.press('2');
    await terminal.shows(/^None since the start/m);
    terminal.press('Escape');
    await terminal.shows(/web-1 .* tail was killed. Its own limit of 64 MiB was full$/m);
    terminal.press('q');
    await terminal.shows(/^done$/m);
    assert.doesNotMatch(terminal.screen().join('\n'), /CONTAINER/);
    assert.equal(readFileSync(`${home.path}/after`, 'utf8'), readFileSync(`${home.path}/before`, 'utf8'));
    assert.equal(readFileSync(`${home.path}/code`, 'utf8'), '0\n');
  });

  test('shows in each view what is kept in test/golden for the same numbers', async (context) => {
    using home = folder();
    await using floatie = await startFixedFloatie();
    using terminal = await startTmux(COLUMNS, ROWS);
    const began = performance.now();
    await top(terminal, floatie.url, home.path);
    context.diagnostic(`the first screen is there after ${Math.round(performance.now() - began)} ms`);
    const events = new Map([['/oom', floatie.records.map(flatten)]]);
    // Ages go on meanwhile.
    const masked = (lines: readonly string[]): string =>
      lines
        .map((line) => line.trimEnd())
        .join('\n')
        .replaceAll(/\d+/g, '#');
    for (const [keys, model] of [
      [[], {}],
      [['s'], { sort: 'waits' }],
      [['Enter'], { sort: 'waits', container: WEB.container_id ?? null }],
      [['2'], { sort: 'waits', view: 'killed' }],
      [['3'], { sort: 'waits', view: 'slow' }],
      [['1', '/', 'web'], { sort: 'waits', filter: 'web', isTyping: true }],
    ] as readonly (readonly [readonly string[], Partial<Model>])[]) {
      if (keys.length > 0) terminal.press(...keys);
      const size = { columns: COLUMNS, rows: ROWS, hasColors: false };
      await eventually(`the view after ${keys.join()} is shown`, () => {
        const data = { answer: floatie.answer, events, readiness: READY };
        return masked(terminal.screen()) === masked(screen(data, { ...START, ...model }, size, Date.now()));
      });
    }
  });

  test('finds one of ten thousand containers, and shows a name of 4 kB in one line', async () => {
    using home = folder();
    await using floatie = await startFixedFloatie();
    const memory = { series: { usage_bytes: [], headroom_bytes: [], pressure_score: [] } };
    const containers = Array.from({ length: 10_000 }, (_, at) =>
      container(`c-${at}`, { memory, oom_kills: [], waits: [] }),
    );
    floatie.answer = { ...floatie.answer, containers: [...containers, container(LONG, { oom_kills_5m: 1 })] };
    using terminal = await startTmux(COLUMNS, ROWS);
    await top(terminal, floatie.url, home.path);
    await terminal.shows(/^<script>ale.*~ .* 1\nc-0 /m);
    terminal.press('/', 'c-9876', 'Enter');
    await terminal.shows(/1 container with "c-9876"[\s\S]*^c-9876 /m);
    terminal.press('q');
    await terminal.shows(/^done$/m);
  });

  test('ends when nobody reads what it prints', async () => {
    await using floatie = await startFixedFloatie();
    const command = `"$0" "$1" top --once --url "$2" | head -n 1`;
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', command, process.execPath, MAIN, floatie.url]);
    assert.match(stdout, /^Floatie {2}4 containers.*\n$/);
    assert.equal(stderr, '');
  });

  test('fits after a resize, and has what is new', async () => {
    using home = folder();
    await using floatie = await startFixedFloatie();
    using terminal = await startTmux(COLUMNS, ROWS);
    await top(terminal, floatie.url, home.path);
    terminal.resize(50, 10);
    await eventually('it fits', () => {
      const lines = terminal.screen();
      return lines.length === 10 && lines.every((line) => line.length <= 50) && /^q quit/.test(lines[9] ?? '');
    });
    floatie.answer = {
      ...floatie.answer,
      containers: [container('new-1', { operations: [operation('read', 9, 9, 9)] })],
    };
    await terminal.shows(/^new-1/m);
  });

  for (const signal of ['INT', 'TERM', 'HUP']) {
    test(`leaves the terminal as it was, by SIG${signal}`, async () => {
      using home = folder();
      await using floatie = await startFixedFloatie();
      using terminal = await startTmux(COLUMNS, ROWS);
      await top(terminal, floatie.url, home.path);
      process.kill(terminal.child(), `SIG${signal}`);
      await terminal.shows(/^done$/m);
      assert.equal(readFileSync(`${home.path}/after`, 'utf8'), readFileSync(`${home.path}/before`, 'utf8'));
    });
  }

  test('ends with its terminal', async () => {
    using home = folder();
    await using floatie = await startFixedFloatie();
    let pid = 0;
    {
      using terminal = await startTmux(COLUMNS, ROWS);
      await top(terminal, floatie.url, home.path);
      pid = terminal.child();
    }
    await eventually('the process is gone', () => !isAlive(pid));
  });

  test('says that the numbers are old where Floatie does not answer any more', async () => {
    using home = folder();
    using terminal = await startTmux(COLUMNS, ROWS);
    {
      await using floatie = await startFixedFloatie();
      await top(terminal, floatie.url, home.path);
    }
    await terminal.shows(/Cannot reach Floatie[\s\S]*^killed/m);
  });
});

function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') === false;
  } catch {
    return false;
  }
}
