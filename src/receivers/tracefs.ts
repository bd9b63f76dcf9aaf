/**
 * Kprobe events of tracefs: the one way to say how many returns of a function may be pending at once (maxactive), and
 * to learn how many were missed. Such events outlive their process, so stale ones are swept away.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

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
    const mount = mounts.find((path) => existsSync(join(path, 'events')));
    if (mount === undefined) throw new Error(`tracefs is not mounted (mount -t tracefs none ${MOUNTS[0]})`);
    if (!existsSync(join(mount, 'kprobe_events'))) throw new Error('the kernel has no kprobes (CONFIG_KPROBE_EVENTS)');
    return new Tracefs(mount);
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
      const { code } = error as NodeJS.ErrnoException;
      const reason = code === 'ENOENT' ? `the kernel has no function "${functionName}"` : String(code);
      throw new Error(`a kprobe cannot be set: ${reason}`, { cause: error });
    }
    return { group: GROUP, name };
  }

  /** Nothing may be attached to the event any more. */
  remove({ group, name }: ProbeEvent): void {
    this.#command(`-:${group}/${name}`);
  }

  /** Removes the events that a Floatie left which did not end well. Those in use cannot be removed, and stay. */
  sweep(): void {
    const events = readFileSync(join(this.#mount, 'kprobe_events'), 'utf8');
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
