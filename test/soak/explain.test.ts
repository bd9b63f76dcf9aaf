/** `floatie explain`, as somebody asks who sees a slow container: the first line has the cause. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import { promisify } from 'node:util';
import { CAUSES } from '../../src/commands/explain/words.ts';
import { createCgroup } from '../support/cgroup.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, MAIN, startFloatie } from '../support/floatie.ts';
import { lacksFullDisk } from '../support/full-disk.ts';
import { missing } from '../support/requirements.ts';
import { JOIN } from '../support/staged.ts';
import { controlledIn, STAGES } from '../support/stages.ts';

const run = promisify(execFile);

async function explained(floatie: Floatie, id: string): Promise<string> {
  const url = new URL('/', floatie.url).href;
  const { stdout } = await run(process.execPath, [MAIN, 'explain', id.slice(0, 12), '--url', url]).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}

suite('floatie explain says in its first line', {
  skip: lacksFullDisk ?? missing('root', 'btf', 'fuse'),
}, () => {
  for (const stage of STAGES) {
    test(`${stage.cause}: ${stage.title}`, async (context) => {
      const lacking = stage.lacks?.() ?? null;
      if (lacking !== null) {
        context.skip(`this machine lacks ${lacking}`);
        return;
      }
      const id = randomBytes(32).toString('hex');
      await using cgroup = createCgroup('explained', `libpod-${id}`);
      await using stack = new AsyncDisposableStack();
      const folder = await stage.prepare(stack, cgroup);
      await using floatie = await startFloatie();
      cgroup.run('sh', '-ec', JOIN + stage.script, 'sh', folder, ...controlledIn(cgroup));
      const text = await eventually('the container is explained', async () => {
        const answer = await explained(floatie, id);
        return answer.includes('the last minute') && answer;
      });
      const [first = ''] = text.split('\n');
      context.diagnostic(first);
      assert.ok(first.includes(CAUSES[stage.cause]?.words ?? stage.cause), text);
    });
  }
});
