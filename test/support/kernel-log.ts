/** The kernel's own reports of OOM kills, read from its log by another program than Floatie. */
import { execFileSync } from 'node:child_process';

export interface ReportedKill {
  /** In seconds of the kernel's own clock. */
  readonly atS: number;
  readonly pid: number;
  readonly comm: string;
  readonly scope: string;
  readonly anonKb: number;
  readonly totalVmKb: number;
  readonly pageTablesKb: number;
  /** Only in the long report, which the kernel prints for at most ten kills in five seconds. */
  readonly oomMemcg: string | undefined;
  readonly taskMemcg: string | undefined;
}

const KILLED =
  /(Memory cgroup out of memory|Out of memory).*: Killed process (\d+) \((.*)\) total-vm:(\d+)kB, anon-rss:(\d+)kB.* pgtables:(\d+)kB/;

export function reportedKills(): ReportedKill[] {
  const lines = execFileSync('dmesg', { encoding: 'utf8', maxBuffer: 1 << 26 }).split('\n');
  return lines.flatMap((line) => {
    const [, what, pid, comm = '', totalVmKb, anonKb, pageTablesKb] = KILLED.exec(line) ?? [];
    if (what === undefined) return [];
    const report = lines.find((other) => other.includes('oom-kill:') && other.includes(`,pid=${pid},`)) ?? '';
    return {
      atS: Number(/^\[ *([\d.]+)\]/.exec(line)?.[1]),
      pid: Number(pid),
      comm,
      scope: what.startsWith('Memory') ? 'memcg' : 'global',
      anonKb: Number(anonKb),
      totalVmKb: Number(totalVmKb),
      pageTablesKb: Number(pageTablesKb),
      oomMemcg: /oom_memcg=([^,]*)/.exec(report)?.[1],
      taskMemcg: /task_memcg=([^,]*)/.exec(report)?.[1],
    };
  });
}
