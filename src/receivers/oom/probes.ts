/** The ways to attach to the OOM killer. All count every kill; the better ones also see what it was asked to do. */
import { randomBytes } from 'node:crypto';
import { explain } from '../../kernel/explain.ts';
import { type ProbeEvent, Tracefs } from '../../kernel/tracefs.ts';
import type { BpfObject, BpfProgram } from '../../native/index.ts';
import { reasonFor } from '../../program/refusal.ts';

/** Best first. */
export const OOM_METHODS = ['fentry', 'kprobe', 'tracepoint'] as const;
export type OomMethod = (typeof OOM_METHODS)[number];

/** Why a method is not used here. */
export interface OomRefusal {
  readonly method: OomMethod;
  readonly reason: string;
}

/** Runs of programs that did not happen. */
export interface OomMisses {
  /** Of those that count; an upper bound, since they also see signals that are none of the OOM killer's. */
  readonly skipped_kill: number;
  /** Of those that see what the OOM killer was asked to do: kills are counted without. */
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

/** On one call at a time: all callers hold oom_lock. Some more for those whose return is still being tidied up. */
const MAX_ACTIVE = 8;

/** Always there: a SIGKILL, then the mark. The mark is attached first, so that no kill is taken for half seen. */
const COUNTING = ['victim_marked', 'signal_sent'] as const;

/**
 * Loads and attaches the programs in the best way that works. Throws an error that says why when none does.
 *
 * @param open opens and configures the object anew for each attempt
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
  // What can be known without loading anything.
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
    // The exit first: a decision whose beginning was seen must not stay.
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
        skipped_decision: events.reduce(
          (sum, event) => sum + (tracefs?.missed(event) ?? 0),
          skipped(Object.values(chosen ?? {})),
        ),
      }),
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
