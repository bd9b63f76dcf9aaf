/** Which cgroups get series. */
import { matches } from '../settings/wildcard.ts';

export interface Patterns {
  /** Patterns of the cgroups to keep; empty keeps all. */
  readonly include: readonly string[];
  /** Patterns of the cgroups to leave out, also of included ones. */
  readonly exclude: readonly string[];
}

export type CgroupFilter = (cgroup: string) => boolean;

/** Combines filters: a cgroup has to pass all of them. A cgroup without a known path passes, since it could be any. */
export function cgroupFilter(...all: readonly Patterns[]): CgroupFilter {
  const matchesOne = (patterns: readonly string[], cgroup: string): boolean =>
    patterns.some((pattern) => matches(pattern, cgroup));
  const passes = ({ include, exclude }: Patterns, cgroup: string): boolean =>
    (include.length === 0 || matchesOne(include, cgroup)) && !matchesOne(exclude, cgroup);
  return (cgroup) => !cgroup.startsWith('/') || all.every((patterns) => passes(patterns, cgroup));
}
