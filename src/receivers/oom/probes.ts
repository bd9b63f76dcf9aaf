/**
 * The ways to attach to the OOM killer. All count every kill; the better ones also see oom_kill_process's arguments.
 */
import { randomBytes } from 'node:crypto';
import { explain } from '../../kernel/explain.ts';
import { type ProbeEvent, Tracefs } from '../../kernel/tracefs.ts';
import type { BpfObject, BpfProgram } from '../../native/index.ts';
import { reasonFor } from '../../program/refusal.ts';

/** Best first. */
export const OOM_METHODS = ['fentry', 'kprobe', 'tracepoint'] as const;
export type OomMethod = (typeof OOM_METHODS)[number];

/** The reason why a method is not used. */
export interface OomRefusal {
  readonly method: OomMethod;
  readonly reason: string;
}

/** Skipped runs of programs. */
export interface OomMisses {
  /** Skipped runs of the counting programs: an upper bound of missed kills, since these programs see all signals. */
  readonly skipped_kill: number;
  /** Skipped runs of the programs on oom_kill_process: these kills are counted without its arguments. */
  readonly skipped_decision: number;
}

export interface OomProbes {
  readonly method: OomMethod;
  readonly object: BpfObject;
  /** Makes system calls. */
  missed(): OomMisses;
  /** Safe to call twice. */
  close(): void;
}

const FUNCTION = 'oom_kill_process';

/** oom_lock allows one call at a time; some more for return probes that the kernel has not recycled yet. */
const MAX_ACTIVE = 8;

/** Always attached: SIGKILL, then mark. The mark is attached first, so that no kill is half seen. */
const COUNTING = ['victim_marked', 'signal_sent'] as const;

/**
 * Loads and attaches the programs in the best way that works. Throws an error with the reasons when none does.
 *
 * @param open opens and configures a new object for each attempt
 */
export function attachOomProbes(
  open: () => BpfObject,
  methods: readonly OomMethod[] = OOM_METHODS,
): { readonly probes: OomProbes; readonly refusals: readonly OomRefusal[] } {
  const refusals: OomRefusal[] = [];
  let last: unknown;
  for (const method of methods) {
    try {
      return { probes: attach(open, method), refusals };
    } catch (error) {
      last = explain(error, { method, functionName: FUNCTION });
      refusals.push({ method, reason: reasonFor(last) });
    }
  }
  throw last;
}

function attach(open: () => BpfObject, method: OomMethod): OomProbes {
  // Fails before anything is loaded.
  const tracefs = method === 'kprobe' ? Tracefs.open() : null;
  tracefs?.sweep();
  const object = open();
  const events: ProbeEvent[] = [];
  const close = (): void => {
    object.close();
    for (const event of events.splice(0)) tracefs?.remove(event);
  };
  try {
    const decision = (name: OomMethod): { entry: BpfProgram; exit: BpfProgram } => ({
      entry: object.program(`${name}_decision`),
      exit: object.program(name === 'kprobe' ? 'kretprobe_decision' : 'fexit_decision'),
    });
    const chosen = method === 'tracepoint' ? null : decision(method);
    for (const program of Object.values(chosen ?? {})) program.include();
    const counting = COUNTING.map((name) => object.program(name));
    object.load();
    for (const program of counting) program.attach();
    // The exit first, so that no decision stays without its end.
    if (chosen !== null && tracefs !== null) {
      const suffix = randomBytes(4).toString('hex');
      for (const side of ['exit', 'entry'] as const) {
        const event = tracefs.create(`oom_${side}_${suffix}`, FUNCTION, side === 'exit' ? MAX_ACTIVE : undefined);
        events.push(event);
        chosen[side].attachToEvent(event.group, event.name);
      }
    } else if (chosen !== null) {
      chosen.exit.attach();
      chosen.entry.attach();
    }
    const skipped = (programs: readonly BpfProgram[]): number =>
      programs.reduce((sum, program) => sum + program.recursionMisses(), 0);
    return {
      method,
      object,
      missed: () => ({
        skipped_kill: skipped(counting),
        skipped_decision: skipped(Object.values(chosen ?? {})) + (tracefs?.missed(events) ?? 0),
      }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
