/** The ways to attach to overlayfs, and what each of them may miss. */
import { randomBytes } from 'node:crypto';
import { explain } from '../../kernel/explain.ts';
import { type ProbeEvent, Tracefs } from '../../kernel/tracefs.ts';
import { type BpfObject, type BpfProgram, LibbpfError } from '../../native/index.ts';
import type { Features, OverlayfsCounts } from './counts.ts';

/** Cheapest first. */
export const METHODS = ['fentry', 'kprobe', 'syscall', 'syscall_classic'] as const;
export type Method = (typeof METHODS)[number];

/** Programs that run now, attached in one way. */
export interface Probes {
  readonly method: Method;
  /** Runs of the programs that did not happen, by side; for system calls an upper bound. Makes system calls. */
  missed(): { readonly entry: number; readonly exit: number };
  /** Ends of threads that were not seen. */
  missedThreadEnds(): number;
  /** Safe to call twice. */
  detach(): void;
}

/** How many calls of a function may be pending at once: more than threads that can be in one on most machines. */
const MAX_ACTIVE = 512;

/** Frees the record of a thread that ends. */
const THREAD_EXIT = 'thread_exit';

const FUNCTIONS = { read: 'ovl_read_iter', write: 'ovl_write_iter' } as const;

/** The exits come first in each: an entry that is seen must have its exit seen, too. */
const PROGRAMS: Record<Method, { readonly exits: readonly string[]; readonly entries: readonly string[] }> = {
  fentry: { exits: ['fexit_read', 'fexit_write'], entries: ['fentry_read', 'fentry_write'] },
  kprobe: { exits: ['kretprobe_read', 'kretprobe_write'], entries: ['kprobe_read', 'kprobe_write'] },
  syscall: { exits: ['syscall_exit'], entries: ['syscall_enter'] },
  syscall_classic: { exits: ['classic_exit'], entries: ['classic_enter'] },
};

/**
 * Loads and attaches the programs of one method. Throws an error that says why this kernel does not let it.
 *
 * @param limit features to leave out, as older kernels do
 */
export function attachProbes(counts: OverlayfsCounts, method: Method, limit: Partial<Features> = {}): Probes {
  const { exits, entries } = PROGRAMS[method];
  // What can be known without loading anything.
  const tracefs = method === 'kprobe' ? Tracefs.open() : null;
  let failure: unknown;
  for (const features of featureSets(limit, method)) {
    const object = counts.openPrograms([...exits, ...entries, THREAD_EXIT], features);
    const events: ProbeEvent[] = [];
    try {
      const programs = {
        exits: exits.map((name) => object.program(name)),
        entries: entries.map((name) => object.program(name)),
        threadExit: object.program(THREAD_EXIT),
      };
      object.load();
      programs.threadExit.attach();
      if (tracefs !== null) events.push(...attachToEvents(tracefs, programs));
      else for (const program of [...programs.exits, ...programs.entries]) program.attach();
      return createProbes(method, object, programs, tracefs, events);
    } catch (error) {
      object.close();
      for (const event of events) tracefs?.remove(event);
      failure = error;
      // Fewer features help against what a kernel does not know, not against what it does not allow.
      if (!(error instanceof LibbpfError) || error.code === 'EPERM') break;
    }
  }
  throw explain(failure, { method, functionName: FUNCTIONS.read });
}

interface Programs {
  readonly exits: readonly BpfProgram[];
  readonly entries: readonly BpfProgram[];
  readonly threadExit: BpfProgram;
}

function createProbes(
  method: Method,
  object: BpfObject,
  { exits, entries, threadExit }: Programs,
  tracefs: Tracefs | null,
  events: readonly ProbeEvent[],
): Probes {
  const skipped = (programs: readonly BpfProgram[]): number =>
    programs.reduce((sum, program) => sum + program.recursionMisses(), 0);
  const missed = (side: string): number =>
    events.filter(({ name }) => name.startsWith(side)).reduce((sum, event) => sum + (tracefs?.missed(event) ?? 0), 0);
  return {
    method,
    missedThreadEnds: () => threadExit.recursionMisses(),
    missed: () => ({ entry: skipped(entries) + missed('entry'), exit: skipped(exits) + missed('exit') }),
    detach() {
      if (object.closed) return;
      // In this order nothing is left pending that an exit could still have counted.
      for (const program of [...entries, ...exits, threadExit]) program.detach();
      object.close();
      for (const event of events) tracefs?.remove(event);
    },
  };
}

/** Every Floatie has events of its own. Those that are created when something fails are removed. */
function attachToEvents(tracefs: Tracefs, { exits, entries }: Omit<Programs, 'threadExit'>): ProbeEvent[] {
  const suffix = randomBytes(4).toString('hex');
  const events: ProbeEvent[] = [];
  try {
    for (const [index, op] of (['read', 'write'] as const).entries()) {
      for (const [side, programs, maxActive] of [
        ['exit', exits, MAX_ACTIVE],
        ['entry', entries, undefined],
      ] as const) {
        const event = tracefs.create(`${side}_${op}_${suffix}`, FUNCTIONS[op], maxActive);
        events.push(event);
        programs[index]?.attachToEvent(event.group, event.name);
      }
    }
    return events;
  } catch (error) {
    for (const program of [...entries, ...exits]) program.detach();
    for (const event of events) tracefs.remove(event);
    throw error;
  }
}

/** What to try, best first. */
function* featureSets(
  { taskStorage = true, typedLoads = true }: Partial<Features>,
  method: Method,
): Generator<Features> {
  // Only programs on system calls follow pointers that have no type.
  const isOnSyscalls = method === 'syscall' || method === 'syscall_classic';
  if (taskStorage && typedLoads && isOnSyscalls) yield { taskStorage: true, typedLoads: true };
  if (taskStorage) yield { taskStorage: true, typedLoads: false };
  yield { taskStorage: false, typedLoads: false };
}
