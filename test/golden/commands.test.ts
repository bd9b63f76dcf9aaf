/** What commands print, to the byte. `npm run golden` writes it anew; each line that changes is a row of docs/upgrading.md. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const HERE = import.meta.dirname;

const rows: [file: string, args: string[], env: Record<string, string>][] = [
  ['help.txt', ['--help'], {}],
  ['defaults.txt', ['print-config'], {}],
  [
    'all-sources.txt',
    ['print-config', '--config', 'good.yaml', '--max-map-entries', '7', '--set', 'exporters.prometheus.port=9435'],
    {
      FLOATIE_RECEIVERS_PRESSURE_WINDOW: 'avg60',
      OTEL_METRIC_EXPORT_INTERVAL: '1500',
      OTEL_RESOURCE_ATTRIBUTES: 'team=storage',
      TOKEN: 'secret',
    },
  ],
  [
    'warnings.txt',
    ['validate', '--config', 'good.yaml'],
    { OTEL_METRIC_EXPORT_INTERVAL: '1 s', OTEL_LOG_LEVEL: 'all' },
  ],
  ['problems.txt', ['validate', '--config', 'bad.yaml', '--set', 'a=1'], { FLOATIE_KERNEL_MAX_MAP_ENTRIES: '1.5' }],
];

suite('the output that is kept in', () => {
  for (const [file, args, env] of rows) {
    test(`${file} is that of floatie ${args.join(' ')}`, (context) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
        cwd: HERE,
        encoding: 'utf8',
        env,
      });
      const text = `${stdout}${stderr}exit code ${status}\n`;
      context.assert.fileSnapshot(text, join(HERE, file), { serializers: [String] });
    });
  }
});
