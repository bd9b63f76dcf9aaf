/** OOM kills as a whole Floatie tells of them: each counted once, under the right names. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { createCgroup } from '../support/cgroup.ts';
import { createCollector } from '../support/collector.ts';
import { eventually } from '../support/eventually.ts';
import { type Floatie, type LogLine, MAIN, recordOf, startFloatie } from '../support/floatie.ts';
import { reportedKills } from '../support/kernel-log.ts';
import { createChild, emptied, hog, killsOf, limit, ready } from '../support/oom.ts';
import { missing } from '../support/requirements.ts';

const KILLS = 'floatie_oom_kills_total';

suite('OOM kills', { skip: missing('root', 'btf') }, () => {
  test('the counter is there as 0 before the first kill', async () => {
    await using floatie = await startFloatie();
    assert.deepEqual((await floatie.scrape()).select(KILLS), [{ name: KILLS, labels: {}, value: 0 }]);
  });

  test('the log, /oom and the collector’s log records say the same, and what the kernel reports', {
    timeout: 300_000, // the collector may have to be built
  }, async () => {
    await using collector = await createCollector();
    await collector.start();
    await using floatie = await startFloatie(['--set', `exporters.otlp.endpoint=${collector.endpoint}`]);
    await using cgroup = createCgroup('record');
    limit(cgroup, 48);
    const child = hog(cgroup, 'record', 200);
    await once(child, 'exit');
    const [line] = await killLines(floatie, 1);
    assert.ok(line);
    const record = recordOf(line);
    assert.ok(Date.parse(String(line.time)) >= Date.parse(String(record.time)));
    const response = await fetch(new URL('/oom', floatie.url));
    const { records } = (await response.json()) as { records: Record<string, unknown>[] };
    assert.deepEqual(
      records.filter(({ read_from }) => read_from === undefined),
      [record],
    );

    const [arrived] = await eventually('the record is at the collector', () => {
      const all = collector.logRecords();
      return all.length > 0 && all;
    });
    assert.deepEqual([arrived?.eventName, arrived?.severity], ['floatie.oom.kill', 'WARN']);
    // It is listed among all SIGKILLs, and told once.
    await eventually('it is at /kills', async () => {
      const { records } = (await (await fetch(new URL('/kills', floatie.url))).json()) as {
        records: Record<string, unknown>[];
      };
      return records.some(({ victim_pid, killer }) => victim_pid === child.pid && killer === 'kernel_oom');
    });
    assert.ok(!floatie.log.some(({ message, victim_pid }) => message === 'SIGKILL' && victim_pid === child.pid));
    assert.deepEqual(collector.logRecords('floatie.kill'), []);
    assert.equal(arrived?.resource['service.name'], 'floatie');
    assert.equal(Date.parse((arrived?.timestamp ?? '').replace(' +0000 UTC', 'Z')), Date.parse(String(record.time)));
    // The collector prints lists in a form of its own.
    const { time, holders, ...fields } = record;
    assert.deepEqual(
      arrived?.attributes,
      Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, String(value)])),
    );

    const report = reportedKills().findLast(({ pid }) => pid === child.pid);
    const kb = [report?.anonKb, report?.totalVmKb, report?.pageTablesKb].map((kb) => (kb ?? 0) * 1024);
    assert.deepEqual([record.anon_rss_bytes, record.total_vm_bytes, record.page_tables_bytes], kb);
    assert.deepEqual([record.victim_pid, record.victim_comm, record.scope], [child.pid, report?.comm, report?.scope]);
    // After many kills at once the kernel's long report is left out.
    assert.equal(record.limit_cgroup, report?.oomMemcg);
    if (report?.taskMemcg !== undefined) assert.equal(record.cgroup, report.taskMemcg);
    assert.ok(Number(record.host_pressure_score_60s) >= 0);
  });

  test('20 kills, half of them triggered by another task, agree with the kernel’s own report', async () => {
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('oom');
    limit(cgroup, 48);
    const expected: { victim: number; trigger: number; names: [string, string] }[] = [];
    for (let round = 0; round < 10; round++) {
      const alone = hog(cgroup, `alone${round}`, 200);
      await once(alone, 'exit');
      expected.push({ victim: alone.pid ?? 0, trigger: alone.pid ?? 0, names: [`alone${round}`, `alone${round}`] });

      await emptied(cgroup);
      const large = hog(cgroup, `large${round}`, 30);
      await ready(large);
      const died = once(large, 'exit');
      const small = hog(cgroup, `small${round}`, 20);
      const gone = once(small, 'exit');
      await died;
      expected.push({ victim: large.pid ?? 0, trigger: small.pid ?? 0, names: [`small${round}`, `large${round}`] });
      const got = await Promise.race([once(small.stdout ?? small, 'data'), gone]);
      small.stdin?.end();
      await gone;
      // Where what the first one had is not freed in time, the kernel kills the second one, too.
      if (got[1] === 'SIGKILL') {
        const names: [string, string] = [`small${round}`, `small${round}`];
        expected.push({ victim: small.pid ?? 0, trigger: small.pid ?? 0, names });
      }
    }
    const lines = await killLines(floatie, expected.length);
    const metrics = await floatie.scrape();
    const reports = reportedKills();
    for (const { victim, trigger, names } of expected) {
      const line = lines.find(({ victim_pid }) => victim_pid === victim);
      const report = reports.findLast(({ pid }) => pid === victim);
      assert.ok(line && report, `${names[1]} (${victim}) is in the log and in the kernel's report`);
      const [trigger_comm, victim_comm] = names;
      assert.deepEqual(
        [line.trigger_comm, line.trigger_pid, line.victim_comm, line.scope, line.cgroup],
        [trigger_comm, trigger, victim_comm, 'memcg', cgroup.name],
      );
      assert.deepEqual([line.victim_comm, line.scope], [report.comm, report.scope]);
      assert.equal(line.total_vm_bytes, report.totalVmKb * 1024);
      assert.equal(line.anon_rss_bytes, report.anonKb * 1024);
      if (report.taskMemcg !== undefined) assert.equal(line.cgroup, report.taskMemcg);
      const labels = { trigger_comm, victim_comm, scope: 'memcg', cgroup: cgroup.name };
      assert.equal(metrics.sum(KILLS, labels), 1);
    }
    assert.ok(expected.length >= 20);
    assert.equal(metrics.sum(KILLS, { cgroup: cgroup.name }), expected.length);
    assert.equal(killsOf(cgroup), expected.length);
    for (const source of ['vmstat', 'memory_events']) {
      assert.deepEqual(
        metrics.select('floatie_oom_reconcile_difference', { source }).map(({ value }) => value),
        [0],
        source,
      );
    }
  });

  test('a record that finds the collector down arrives once that is back, by each exporter', {
    timeout: 300_000,
  }, async () => {
    await using collector = await createCollector();
    await using floatie = await startFloatie(
      [
        `exporters.otlp.endpoint=${collector.endpoint}`,
        'exporters.otlp.interval_ms=500',
        `exporters.otlphttp/eu.endpoint=${collector.httpEndpoint}`,
        'exporters.otlphttp/eu.interval_ms=500',
        'service.pipelines.metrics.exporters=prometheus,otlp,otlphttp/eu',
        // Records of slow operations and of other SIGKILLs would wait, too.
        'service.pipelines.metrics.receivers=oom,pressure',
      ].flatMap((pair) => ['--set', pair]),
    );
    await using cgroup = createCgroup('down');
    limit(cgroup, 32);
    await once(hog(cgroup, 'down', 100), 'exit');
    const exporters = ['otlp_logs', 'otlphttp_logs/eu'];
    const queues = async () => {
      const metrics = await floatie.scrape();
      return exporters.map((exporter) => metrics.sum('floatie_otlp_queue_length', { exporter }));
    };
    await eventually('exports have failed', async () => {
      const metrics = await floatie.scrape();
      const failures = (exporter: string) => ({ exporter, outcome: 'failure' });
      return exporters.every((exporter) => metrics.sum('floatie_otlp_exports_total', failures(exporter)) > 0);
    });
    assert.deepEqual(await queues(), [1, 1]);
    await collector.start();
    await eventually('the records are at the collector', () => collector.logRecords().length === 2);
    assert.deepEqual(
      collector.logRecords().map(({ attributes }) => attributes.victim_comm),
      ['down', 'down'],
    );
    await eventually('none waits', async () => (await queues()).every((length) => length === 0));
    assert.equal((await floatie.scrape()).sum('floatie_otlp_dropped_total'), 0);
  });

  test('a name made of quotes, newlines, control and broken bytes harms neither scrape nor log', async () => {
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('hostile');
    limit(cgroup, 32);
    const names = ['a"b\\x5cc\\x0ad', '\\xff\\xfe\\x80x', '\\x01\\x1b[31m\\x7f', '{}=,\\x22} 1', 'é\\xc3'];
    for (const name of names) await once(hog(cgroup, name, 200), 'exit');
    const lines = await killLines(floatie, names.length);
    const shown = ['a"b\\c\uFFFDd', '\uFFFD\uFFFD\uFFFDx', '\uFFFD\uFFFD[31m\uFFFD', '{}=,"} 1', 'é\uFFFD'];
    assert.deepEqual(
      lines.map(({ victim_comm }) => victim_comm),
      shown,
    );
    const metrics = await floatie.scrape();
    for (const victim_comm of shown) assert.equal(metrics.sum(KILLS, { victim_comm }), 1);
  });

  test('from before the start are listed at /oom by the kernel’s log, and are neither counted nor logged nor exported', {
    timeout: 300_000, // the collector may have to be built
  }, async () => {
    await using cgroup = createCgroup('before');
    limit(cgroup, 32);
    const child = hog(cgroup, 'asks', 100, 'before');
    await once(child, 'exit');
    const killedMs = Date.now();
    await using collector = await createCollector();
    await collector.start();
    const otlp = ['--set', `exporters.otlp.endpoint=${collector.endpoint}`, '--set', 'exporters.otlp.interval_ms=500'];
    await using floatie = await startFloatie(otlp);
    const list = (await (await fetch(new URL('/oom', floatie.url))).json()) as { records: Record<string, unknown>[] };
    const record = list.records.find(({ victim_pid }) => victim_pid === child.pid);
    assert.ok(record, 'it is listed');
    const { time, read_from, victim_comm, scope, cgroup: where } = record;
    assert.deepEqual([read_from, victim_comm, scope], ['kernel_log', 'asks', 'memcg']);
    // The kernel reports ten kills in five seconds in full.
    assert.ok(where === cgroup.name || where === 'unknown', String(where));
    assert.ok(
      Math.abs(Date.parse(String(time)) - killedMs) < 2000,
      `${time} is not ${new Date(killedMs).toISOString()}`,
    );
    assert.equal((await floatie.scrape()).sum(KILLS), 0);
    // As within a container, which knows its own cgroup.
    const own = ['--set', 'kernel.pid_ns_inum=self', '--set', `kernel.cgroup=${cgroup.name}`];
    await using embedded = await startFloatie(own);
    const ofOwn = (await (await fetch(new URL('/oom', embedded.url))).json()) as { records: Record<string, unknown>[] };
    assert.ok(
      ofOwn.records.every(({ cgroup: where, read_from }) => where === cgroup.name && read_from === 'kernel_log'),
    );
    if (where === cgroup.name) assert.equal(ofOwn.records.length, 1);
    await once(hog(cgroup, 'now', 100), 'exit');
    const lines = await killLines(floatie, 1);
    assert.deepEqual(
      lines.map(({ victim_comm }) => victim_comm),
      ['now'],
    );
    await eventually('the kill that was seen is at the collector', () => collector.logRecords().length > 0);
    await floatie.stop();
    assert.deepEqual(
      collector.logRecords().map(({ attributes }) => attributes.victim_comm),
      ['now'],
    );
  });

  test('from before the start are none where the kernel’s log must not be read, and a line for debugging says why', async (context) => {
    if (readFileSync('/proc/sys/kernel/dmesg_restrict', 'utf8').trim() === '0') {
      return context.skip('everybody may read the log of this kernel: kernel.dmesg_restrict is 0');
    }
    await using cgroup = createCgroup('unread');
    limit(cgroup, 32);
    await once(hog(cgroup, 'unread', 100), 'exit');
    const command = ['setpriv', '--bounding-set=-syslog,-sys_admin', process.execPath, MAIN];
    await using floatie = await startFloatie(['--set', 'service.telemetry.log_level=debug'], { command });
    const { records } = (await (await fetch(new URL('/oom', floatie.url))).json()) as { records: object[] };
    assert.deepEqual(records, []);
    const line = floatie.log.find(({ message }) => message.startsWith('/oom has no kills of before the start: '));
    assert.deepEqual(line?.level, 'debug', JSON.stringify(floatie.log));
    assert.match(line.message, /EPERM.*\/dev\/kmsg/);
  });

  test('by threads whose names count up are counted under their process, and the record has the thread', async () => {
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('threads');
    limit(cgroup, 32);
    const threads = ['pool-1-thread-17', 'pool-1-thread-1', 'iou-wrk-1234', 'tokio-runtime-w'];
    for (const thread of threads) await once(hog(cgroup, 'server', 100, thread), 'exit');
    const lines = await killLines(floatie, threads.length);
    assert.deepEqual(
      lines.map(({ trigger_comm, trigger_process, victim_process }) => [trigger_comm, trigger_process, victim_process]),
      threads.map((thread) => [thread.slice(0, 15), 'server', 'server']),
    );
    const series = (await floatie.scrape()).select(KILLS, { cgroup: cgroup.name });
    assert.deepEqual(
      series.map(({ labels, value }) => [labels.trigger_comm, labels.victim_comm, value]),
      [['server', 'server', threads.length]],
    );
  });

  test('of processes whose names count up are one series', async () => {
    await using floatie = await startFloatie();
    await using cgroup = createCgroup('counting');
    limit(cgroup, 32);
    for (const name of ['vhost-1234', 'vhost-5678', 'vhost-9']) await once(hog(cgroup, name, 100), 'exit');
    await killLines(floatie, 3);
    const series = (await floatie.scrape()).select(KILLS, { cgroup: cgroup.name });
    assert.deepEqual(
      series.map(({ labels, value }) => [labels.trigger_comm, labels.victim_comm, value]),
      [['vhost', 'vhost', 3]],
    );
  });

  test('in a cgroup that is called like the kernel’s report are told under the limit that was hit', async () => {
    await using floatie = await startFloatie();
    await using outer = createCgroup('forge');
    await using middle = createChild(outer, 'x,task_memcg=');
    await using inner = createChild(middle, 'inner');
    limit(inner, 32);
    // The kernel reports ten kills in five seconds in full.
    const record = await eventually(
      'a kill is reported in full',
      async () => {
        const before = floatie.log.filter(({ message }) => message === 'OOM kill').length;
        await once(hog(inner, 'forger', 100), 'exit');
        const line = (await killLines(floatie, before + 1)).at(-1);
        return line?.limit_owner !== undefined && line;
      },
      30_000,
    );
    assert.deepEqual([record.limit_owner, record.limit_cgroup, record.cgroup], ['self', inner.name, inner.name]);
  });

  test('in cgroups whose names hold escapes send none to whoever reads them, and stay apart', async () => {
    await using floatie = await startFloatie();
    await using parent = createCgroup('escapes');
    await using red = createChild(parent, '\x1b[31m\rred');
    await using written = createChild(parent, '\\u{1b}[31m\\u{d}red');
    for (const cgroup of [red, written]) {
      limit(cgroup, 32);
      await once(hog(cgroup, 'coloured', 100), 'exit');
    }
    await killLines(floatie, 2);
    for (const path of ['/metrics', '/oom?limit=2']) {
      const text = await (await fetch(new URL(path, floatie.url))).text();
      assert.doesNotMatch(text, /(?!\n)\p{Cc}/u);
    }
    const series = (await floatie.scrape()).select(KILLS, { victim_comm: 'coloured' });
    assert.deepEqual(
      series.map(({ labels, value }) => [labels.cgroup, value]),
      [
        [`${parent.name}/\\u{1b}[31m\\u{d}red`, 1],
        [`${parent.name}/\\\\u{1b}[31m\\\\u{d}red`, 1],
      ],
    );
  });

  test('with --pid-ns-inum only victims of that PID namespace are counted', {
    skip: missing('pid namespaces'),
  }, async () => {
    await using floatie = await startFloatie(['--pid-ns-inum', '1']);
    await using cgroup = createCgroup('namespace');
    limit(cgroup, 32);
    await once(hog(cgroup, 'elsewhere', 200), 'exit');
    assert.equal(killsOf(cgroup), 1);
    assert.equal((await floatie.scrape()).sum(KILLS), 0);
  });
});

async function killLines(floatie: Floatie, count: number): Promise<LogLine[]> {
  const lines = (): LogLine[] => floatie.log.filter(({ message }) => message === 'OOM kill');
  await eventually(`${count} kills are in the log`, () => lines().length >= count);
  return lines();
}
