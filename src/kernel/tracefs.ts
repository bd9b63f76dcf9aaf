/**
 * Kprobe events of tracefs: the one way to say how many returns of a function may be pending at once (maxactive), and
 * to learn how many were missed. Such events outlive their process, so stale ones are swept away.
 */
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from './explain.ts';

/** Where tracefs may be mounted. */
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

  /** Throws an error that says what is missing. */
  static open(mounts: readonly string[] = MOUNTS): Tracefs {
    const problems: unknown[] = [];
    for (const mount of mounts) {
      try {
        statSync(join(mount, 'events'));
        // Not existsSync, which asks what the user could see without capabilities.
        const events = statSync(join(mount, 'kprobe_events'), { throwIfNoEntry: false });
        if (events === undefined) throw Object.assign(new Error(), { code: 'ENOTSUP' });
        return new Tracefs(mount);
      } catch (error) {
        problems.push(error);
      }
    }
    // Whether there is one below debugfs is nothing that everybody can see.
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

  /** Nothing may be attached to the event any more. */
  remove({ group, name }: ProbeEvent): void {
    this.#command(`-:${group}/${name}`);
  }

  /** Removes the events that a Floatie left which did not end well. Those in use cannot be removed, and stay. */
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

  /** How often an event was missed. */
  missed({ name }: ProbeEvent): number {
    return parseProfile(readFileSync(join(this.#mount, 'kprobe_profile'), 'utf8'), name);
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

/** The last column of an event's line in kprobe_profile: name, hits, misses. 0 where the event is not listed. */
export function parseProfile(profile: string, name: string): number {
  for (const line of profile.split('\n')) {
    const [event, , missed] = line.trim().split(/\s+/);
    if (event === name) return Number(missed);
  }
  return 0;
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}

function failed(cause: unknown, tried: Parameters<typeof explain>[1] = {}): unknown {
  const code = codeOf(cause);
  return explain(Object.assign(new Error(`Cannot use tracefs: ${code}`, { cause }), { code, step: 'tracefs' }), tried);
}
