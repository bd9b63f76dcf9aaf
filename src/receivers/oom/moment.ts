/** The state of the machine and of the victim's container at the time of a kill, as far as known. */

import { pressureScore, readPressure } from '../../kernel/psi.ts';
import type { RawPath } from '../../kernel/raw-path.ts';
import type { OomMoment } from './record-schema.ts';

/**
 * @param pressure the pressure file of the victim's cgroup, or null
 * @param p99Us the p99 of overlayfs latency in the victim's cgroup
 */
export function describeMoment(pressure: RawPath | null, p99Us: Readonly<Record<string, number>>): OomMoment {
  return {
    host_pressure_score_60s: scoreOf('/proc/pressure/memory'),
    pressure_score_60s: pressure === null ? undefined : scoreOf(pressure),
    overlayfs_read_p99_us_60s: p99Us.read,
    overlayfs_write_p99_us_60s: p99Us.write,
  };
}

function scoreOf(path: RawPath): number | undefined {
  try {
    return pressureScore(readPressure(path), 'avg60');
  } catch {
    return undefined; // no PSI, or the cgroup is removed
  }
}
