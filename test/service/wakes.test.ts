import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Health } from '../../src/program/health.ts';
import { Jobs } from '../../src/program/jobs.ts';
import { createLogger } from '../../src/program/log.ts';
import { NO_WAKES, prepareWakes } from '../../src/service/wakes.ts';

function wakesWith(poolSize: string | undefined) {
  const lines: string[] = [];
  const log = createLogger('debug', 'text', (line) => lines.push(line));
  const wakes = prepareWakes(new Jobs(new Health(log)), log, poolSize);
  wakes.stop();
  return { isNone: wakes === NO_WAKES, lines };
}

suite('a thread waits for events', () => {
  for (const poolSize of [undefined, '4', '16']) {
    test(`with ${poolSize ?? 'the default number of'} threads in the pool`, () => {
      assert.deepEqual(wakesWith(poolSize), { isNone: false, lines: [] });
    });
  }

  for (const poolSize of ['1', '3', '0', '', 'many']) {
    test(`but with "${poolSize}" threads all are needed, and the log says so`, () => {
      const { isNone, lines } = wakesWith(poolSize);
      assert.ok(isNone);
      assert.match(lines.join(''), /Events are looked for ten times a second: UV_THREADPOOL_SIZE is below 4/);
    });
  }
});
