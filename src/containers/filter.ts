/** Which cgroups get series. */
import { matches } from '../settings/wildcard.ts';

export interface Patterns {
  /** Only these; empty: all. */
  readonly include: readonly string[];
  /** Not these, even if they are included. */
  readonly exclude: readonly string[];
}

export type CgroupFilter = (cgroup: string) => boolean;

/** The cgroups that pass all of these. One that could not be named passes: what it did could be of any. */
export function cgroupFilter(...all: readonly Patterns[]): CgroupFilter {
  const matchesOne = (patterns: readonly string[], cgroup: string): boolean =>
    patterns.some((pattern) => matches(pattern, cgroup));
  const passes = ({ include, exclude }: Patterns, cgroup: string): boolean =>
    (include.length === 0 || matchesOne(include, cgroup)) && !matchesOne(exclude, cgroup);
  return (cgroup) => !cgroup.startsWith('/') || all.every((patterns) => passes(patterns, cgroup));
}
