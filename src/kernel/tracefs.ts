/**
 * Kprobe events of tracefs: only they allow to set how many returns of a function may be pending at once (maxactive),
 * and count missed ones. They outlive their process, so stale events are removed.
 */
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from './explain.ts';

/** The mount points of tracefs. */
const MOUNTS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];

const GROUP = 'floatie';

export interface ProbeEvent {
  readonly group: string;
  readonly name: string;
}

export class Tracefs {
  readonly #mount: string;

  private constructor(mount: string) {
    this.#mount = mount;
  }

  /** Throws an error with the reason. */
  static open(mounts: readonly string[] = MOUNTS): Tracefs {
    const problems: unknown[] = [];
    for (const mount of mounts) {
      try {
        statSync(join(mount, 'events'));
        // Not existsSync, which uses access(2) and so ignores capabilities.
        const events = statSync(join(mount, 'kprobe_events'), { throwIfNoEntry: false });
        if (events === undefined) throw Object.assign(new Error(), { code: 'ENOTSUP' });
        return new Tracefs(mount);
      } catch (error) {
        problems.push(error);
      }
    }
    // ENOTSUP is certain; other errors may only mean that this user cannot look into debugfs.
    throw failed(problems.find((problem) => codeOf(problem) === 'ENOTSUP') ?? problems[0]);
  }

  /**
   * Creates an event at the entry of a function, or at its return.
   *
   * @param maxActive how many returns may be pending at once; undefined for an entry
   */
  create(name: string, functionName: string, maxActive?: number): ProbeEvent {
    const kind = maxActive === undefined ? 'p' : `r${maxActive}`;
    try {
      this.#command(`${kind}:${GROUP}/${name} ${functionName}`);
    } catch (error) {
      throw failed(error, { method: 'kprobe', functionName });
    }
    return { group: GROUP, name };
  }

  /** Removes an event; its program must be detached. */
  remove({ group, name }: ProbeEvent): void {
    this.#command(`-:${group}/${name}`);
  }

  /** Removes the events of a Floatie that crashed. The kernel keeps events that are in use. */
  sweep(): void {
    const events = this.#events();
    for (const [, name = ''] of events.matchAll(new RegExp(`^[pr]\\d*:${GROUP}/(\\S+) `, 'gm'))) {
      try {
        this.remove({ group: GROUP, name });
      } catch {
        // EBUSY: another Floatie's
      }
    }
  }

  /** The number of missed hits of these events. */
  missed(events: readonly ProbeEvent[]): number {
    if (events.length === 0) return 0;
    const missed = parseProfile(readFileSync(join(this.#mount, 'kprobe_profile'), 'utf8'));
    return events.reduce((sum, { name }) => sum + (missed.get(name) ?? 0), 0);
  }

  #events(): string {
    try {
      return readFileSync(join(this.#mount, 'kprobe_events'), 'utf8');
    } catch (error) {
      throw failed(error);
    }
  }

  #command(text: string): void {
    appendFileSync(join(this.#mount, 'kprobe_events'), `${text}\n`);
  }
}

/** The missed hits by event: the first and the last column of kprobe_profile, which has name, hits, misses. */
export function parseProfile(profile: string): Map<string, number> {
  const missed = new Map<string, number>();
  for (const line of profile.split('\n')) {
    const [event, , count] = line.trim().split(/\s+/);
    if (event !== undefined && count !== undefined) missed.set(event, Number(count));
  }
  return missed;
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}

function failed(cause: unknown, tried: Parameters<typeof explain>[1] = {}): unknown {
  const code = codeOf(cause);
  return explain(Object.assign(new Error(`Cannot use tracefs: ${code}`, { cause }), { code, step: 'tracefs' }), tried);
}
