/** The ways to attach to overlayfs, with their missed runs. */
import { randomBytes } from 'node:crypto';
import { explain } from '../../kernel/explain.ts';
import { type ProbeEvent, Tracefs } from '../../kernel/tracefs.ts';
import { type BpfObject, type BpfProgram, LibbpfError, LoadError } from '../../native/index.ts';
import { reasonFor } from '../../program/refusal.ts';
import type { Features, OverlayfsCounts } from './counts.ts';
import { OPERATIONS, type Op, type Operation } from './operations.ts';

/** Cheapest first. */
export const METHODS = ['fentry', 'kprobe', 'syscall', 'syscall_classic'] as const;
export type Method = (typeof METHODS)[number];

/** An operation that this method cannot measure on this kernel, and the reason. */
export interface Unmeasured {
  readonly op: Op;
  readonly reason: string;
}

/** Attached programs of one method. */
export interface Probes {
  readonly method: Method;
  readonly unmeasured: readonly Unmeasured[];
  /** Skipped runs at entry and exit; for system calls an upper bound of missed operations. Makes system calls. */
  missed(): { readonly entry: number; readonly exit: number };
  /** Skipped runs at the end of threads. */
  missedThreadEnds(): number;
  /** Safe to call twice. */
  detach(): void;
}

/** The limit of pending calls of a function: more than the threads that are in one on most machines. */
const MAX_ACTIVE = 512;

/** Frees the record of a thread that ends. */
const THREAD_EXIT = 'thread_exit';

/** The names of the programs at entry and exit. A program on a function serves one operation. */
const PROGRAMS: Record<Method, { entry(op: Op): string; exit(op: Op): string }> = {
  fentry: { entry: (op) => `fentry_${op}`, exit: (op) => `fexit_${op}` },
  kprobe: { entry: (op) => `kprobe_${op}`, exit: (op) => `kretprobe_${op}` },
  syscall: { entry: () => 'syscall_enter', exit: () => 'syscall_exit' },
  syscall_classic: { entry: () => 'classic_enter', exit: () => 'classic_exit' },
};

const isOnFunctions = (method: Method): boolean => method === 'fentry' || method === 'kprobe';

/**
 * Loads and attaches the programs of one method. Throws an error with the reason; an operation that is not required is
 * left out instead.
 *
 * @param limit features to leave out, as on older kernels
 */
export function attachProbes(
  counts: OverlayfsCounts,
  method: Method,
  limit: Partial<Features> = {},
  operations: readonly Operation[] = OPERATIONS,
): Probes {
  // Fails before anything is loaded.
  const tracefs = method === 'kprobe' ? Tracefs.open() : null;
  let failure: unknown;
  for (const features of featureSets(limit, method)) {
    try {
      return attachWith(counts, { method, features, tracefs, operations, unmeasured: [] });
    } catch (error) {
      failure = error;
      // Fewer features help with missing support, but not with missing permissions.
      if (!(error instanceof LibbpfError) || error.code === 'EPERM') break;
    }
  }
  throw explain(failure, { method, functionName: OPERATIONS[0]?.functions[0] ?? '' });
}

interface Way {
  readonly method: Method;
  readonly features: Features;
  readonly tracefs: Tracefs | null;
  readonly operations: readonly Operation[];
  /** The operations that are left out so far. */
  readonly unmeasured: readonly Unmeasured[];
}

/** The programs of one operation on its function, or those of all operations on system calls. */
interface Hook {
  readonly operation: Operation | null;
  readonly entry: BpfProgram;
  readonly exit: BpfProgram;
  readonly events: ProbeEvent[];
}

function attachWith(counts: OverlayfsCounts, way: Way): Probes {
  const { method, features, tracefs, operations } = way;
  const unmeasured = [...way.unmeasured];
  const leaveOut = (operation: Operation, error: unknown): void => {
    if (operation.isRequired) throw error;
    unmeasured.push(unmeasuredFor(operation, method, error));
  };
  const object = counts.openPrograms([THREAD_EXIT], features);
  const threadExit = object.program(THREAD_EXIT);
  let hooks: Hook[] = [];
  const detach = (): void => {
    if (object.closed) return;
    // Entries first, so that exits still count all pending operations.
    for (const program of [...hooks.map(({ entry }) => entry), ...hooks.map(({ exit }) => exit), threadExit]) {
      program.detach();
    }
    object.close();
    removeEvents(hooks, tracefs);
  };
  try {
    hooks = isOnFunctions(method)
      ? hooksOnFunctions(object, method, operations, leaveOut)
      : [hookOnSyscalls(object, method, operations, leaveOut)];
    object.load();
    threadExit.attach();
    hooks = hooks.filter((hook) => isAttached(hook, tracefs, leaveOut));
  } catch (error) {
    detach();
    const refused = operations.find(
      (operation) => !operation.isRequired && error instanceof LoadError && isOf(error.program, operation, method),
    );
    if (refused === undefined) throw error;
    return attachWith(counts, {
      ...way,
      operations: operations.filter((operation) => operation !== refused),
      unmeasured: [...way.unmeasured, unmeasuredFor(refused, method, error)],
    });
  }
  const skipped = (programs: readonly BpfProgram[]): number =>
    programs.reduce((sum, program) => sum + program.recursionMisses(), 0);
  const missedOn = (side: 'entry' | 'exit'): number =>
    hooks
      .flatMap(({ events }) => events.filter(({ name }) => name.startsWith(side)))
      .reduce((sum, event) => sum + (tracefs?.missed(event) ?? 0), skipped(hooks.map((hook) => hook[side])));
  return {
    method,
    unmeasured,
    missedThreadEnds: () => threadExit.recursionMisses(),
    missed: () => ({ entry: missedOn('entry'), exit: missedOn('exit') }),
    detach,
  };
}

type LeaveOut = (operation: Operation, error: unknown) => void;

function hooksOnFunctions(
  object: BpfObject,
  method: Method,
  operations: readonly Operation[],
  leaveOut: LeaveOut,
): Hook[] {
  return operations.flatMap((operation) => {
    const hook = { operation, ...programsOf(object, method, operation.op), events: [] };
    try {
      if (method === 'fentry') followFirst([hook.exit, hook.entry], operation.functions);
      for (const program of [hook.exit, hook.entry]) program.include();
      return hook;
    } catch (error) {
      leaveOut(operation, error);
      return [];
    }
  });
}

/** Attaches to the first existing function. */
function followFirst(programs: readonly BpfProgram[], functions: readonly string[]): void {
  let failure: unknown;
  for (const name of functions) {
    try {
      for (const program of programs) program.follow(name);
      return;
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

function hookOnSyscalls(object: BpfObject, method: Method, operations: readonly Operation[], leaveOut: LeaveOut): Hook {
  for (const operation of operations) {
    if (!operation.isOnSyscalls) leaveOut(operation, new Error('no system call tells it'));
  }
  const hook = { operation: null, ...programsOf(object, method, 'read'), events: [] };
  for (const program of [hook.exit, hook.entry]) program.include();
  return hook;
}

function programsOf(object: BpfObject, method: Method, op: Op): Pick<Hook, 'entry' | 'exit'> {
  const { entry, exit } = PROGRAMS[method];
  return { entry: object.program(entry(op)), exit: object.program(exit(op)) };
}

function isOf(program: string, { op }: Operation, method: Method): boolean {
  const { entry, exit } = PROGRAMS[method];
  return isOnFunctions(method) && (program === entry(op) || program === exit(op));
}

/** Attaches entry and exit, or neither if that fails and the operation can be left out. */
function isAttached(hook: Hook, tracefs: Tracefs | null, leaveOut: LeaveOut): boolean {
  const { operation, entry, exit } = hook;
  try {
    // The exit first, so that each seen entry has its exit seen, too.
    if (tracefs === null || operation === null) for (const program of [exit, entry]) program.attach();
    else attachToEvents(hook, operation, tracefs);
    return true;
  } catch (error) {
    if (operation === null) throw error;
    leaveOut(operation, error);
    for (const program of [entry, exit]) program.detach();
    removeEvents([hook], tracefs);
    return false;
  }
}

/** Creates events with names of this process. */
function attachToEvents({ entry, exit, events }: Hook, { op, functions }: Operation, tracefs: Tracefs): void {
  const suffix = randomBytes(4).toString('hex');
  const create = (side: 'entry' | 'exit', maxActive?: number): ProbeEvent => {
    let failure: unknown;
    for (const name of functions) {
      try {
        const event = tracefs.create(`${side}_${op}_${suffix}`, name, maxActive);
        events.push(event);
        return event;
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  };
  for (const [program, event] of [
    [exit, create('exit', MAX_ACTIVE)],
    [entry, create('entry')],
  ] as const) {
    program.attachToEvent(event.group, event.name);
  }
}

function removeEvents(hooks: readonly Hook[], tracefs: Tracefs | null): void {
  for (const { events } of hooks) for (const event of events.splice(0)) tracefs?.remove(event);
}

function unmeasuredFor({ op, functions }: Operation, method: Method, error: unknown): Unmeasured {
  return { op, reason: reasonFor(explain(error, { method, functionName: functions[0] ?? op })) };
}

/** The sets of features to try, best first. */
function* featureSets(
  { taskStorage = true, typedLoads = true }: Partial<Features>,
  method: Method,
): Generator<Features> {
  // Only programs on system calls use untyped pointers.
  if (taskStorage && typedLoads && !isOnFunctions(method)) yield { taskStorage: true, typedLoads: true };
  if (taskStorage) yield { taskStorage: true, typedLoads: false };
  yield { taskStorage: false, typedLoads: false };
}
