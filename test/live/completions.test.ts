/** Completions in real shells, and the manual page in a real `man`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { MAN_PAGE } from '../../scripts/man-page.ts';
import type { Shell } from '../../src/commands/shells.ts';
import { folder } from '../support/peers.ts';
import { missing } from '../support/requirements.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** A line up to the cursor, and the line after the tabulator. */
const LINES: readonly (readonly [typed: string, completed: string])[] = [
  ['floatie vali', 'floatie validate'],
  ['floatie doctor --js', 'floatie doctor --json'],
  ['floatie --set kernel.cg', 'floatie --set kernel.cgroup='],
  ['floatie --set exporters.otlp/eu.compression=g', 'floatie --set exporters.otlp/eu.compression=gzip'],
  ['floatie --log.level=d', 'floatie --log.level=debug'],
  ['floatie --config /proc/meminf', 'floatie --config /proc/meminfo'],
];

/** Programs for each shell that print each line of the arguments as it is after the tabulator. */
const DRIVERS: Readonly<Record<Shell, string>> = {
  // Of readline only what it asks the function for, and what it makes of the answer.
  bash: `
source <(floatie completion bash)
compopt() { [[ $2 == default ]] && mapfile -t COMPREPLY < <(compgen -f "\${COMP_LINE##*[ =]}"); }
for COMP_LINE in "$@"; do
  COMP_POINT=\${#COMP_LINE}
  _floatie
  echo "\${COMP_LINE%"\${COMP_LINE##*[ =:]}"}\${COMPREPLY[*]}"
done`,
  zsh: `
zmodload zsh/zpty
zpty -b shell zsh -f -i
answer() {
  local all= part
  repeat 400; do
    if zpty -rt shell part; then all+=$part; else sleep 0.05; fi
    [[ $all =~ $1 ]] && return
  done
  print -ru2 -- "no answer: $all"
  exit 1
}
zpty -w shell "PS1=; autoload -U compinit; compinit -D -u; setopt nolistbeep; source <(floatie completion zsh)
  show() { print -r -- \\"<\\$BUFFER>\\"; BUFFER= }; zle -N show; bindkey '^X' show; print rea''dy"
answer ready
for line in "$@"; do
  zpty -w -n shell "$line"$'\\t\\x18'
  answer '<([^>]*)>'
  print -r -- $match[1]
done`,
  fish: `
floatie completion fish | source
for line in $argv
  echo (string replace -r '[^ ]*$' '' -- $line)(complete -C $line | string split -f 1 \\t)
end`,
};

const INVOCATIONS: Readonly<Record<Shell, readonly string[]>> = {
  bash: ['bash', '--norc', '-c', DRIVERS.bash, 'bash'],
  zsh: ['zsh', '-f', '-c', DRIVERS.zsh, 'zsh'],
  fish: ['fish', '--no-config', '-c', DRIVERS.fish],
};

suite('completions complete commands, flags, keys, values and files in', () => {
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    test(shell, { skip: shell === 'bash' ? false : missing(shell) }, () => {
      using bin = folder({ floatie: `#!/bin/sh\nexec '${process.execPath}' '${MAIN}' "$@"\n` });
      chmodSync(`${bin.path}/floatie`, 0o755);
      const [command = '', ...args] = INVOCATIONS[shell];
      const { stdout, stderr } = spawnSync(command, [...args, ...LINES.map(([typed]) => typed)], {
        encoding: 'utf8',
        env: { ...process.env, PATH: `${bin.path}:${process.env.PATH}`, HOME: bin.path, TERM: 'dumb' },
      });
      const lines = stdout.split('\n').slice(0, -1);
      assert.deepEqual(
        lines.map((line) => line.trimEnd()),
        LINES.map(([, completed]) => completed),
        stderr,
      );
    });
  }
});

suite('the manual page', () => {
  for (const width of ['60', '80', '132']) {
    test(`renders without a warning on ${width} columns`, { skip: missing('man') }, () => {
      const { status, stdout, stderr } = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-l', MAN_PAGE], {
        encoding: 'utf8',
        env: { ...process.env, MANWIDTH: width, MANPAGER: 'cat' },
      });
      assert.deepEqual([status, stderr], [0, '']);
      assert.match(stdout, /exporters\.prometheus\.port/);
    });
  }
});
