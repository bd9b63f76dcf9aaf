/** Records that say no more than a test needs. */
import { OOM_KILL, type OomKillRecord } from '../../src/receivers/oom/record-schema.ts';

export function oomRecord(values: Partial<OomKillRecord['values']>): OomKillRecord {
  return {
    schema: OOM_KILL,
    values: { time: '2026-01-02T03:04:05.678Z', cgroup: '/app', ...values } as OomKillRecord['values'],
  };
}
