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

/** The names of the programs at entry and exit: every function has its own, all system calls share theirs. */
const PROGRAMS: Record<Method, (functionName: string) => { readonly entry: string; readonly exit: string }> = {
  fentry: (name) => ({ entry: `fentry_${name}`, exit: `fexit_${name}` }),
  kprobe: (name) => ({ entry: `kprobe_${name}`, exit: `kretprobe_${name}` }),
  syscall: () => ({ entry: 'syscall_enter', exit: 'syscall_exit' }),
  syscall_classic: () => ({ entry: 'classic_enter', exit: 'classic_exit' }),
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

/** The programs on one function, or those on all system calls. */
interface Hook {
  /** null: system calls. */
  readonly functionName: string | null;
  readonly entry: BpfProgram;
  readonly exit: BpfProgram;
  readonly events: ProbeEvent[];
}

function attachWith(counts: OverlayfsCounts, way: Way): Probes {
  const { method, features, tracefs } = way;
  const unmeasured = [...way.unmeasured];
  let { operations } = way;
  const leaveOut = (operation: Operation, error: unknown): void => {
    if (operation.isRequired) throw error;
    operations = operations.filter((other) => other !== operation);
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
    for (const hook of hooks) unhook(hook, tracefs);
  };
  try {
    hooks = isOnFunctions(method)
      ? hooksOnFunctions(object, method, operations)
      : [hookOnSyscalls(object, method, operations, leaveOut)];
    if (method === 'fentry') hooks = accepted(hooks, operations, leaveOut, follow, () => {});
    for (const { entry, exit } of hooks) for (const program of [exit, entry]) program.include();
    object.load();
    threadExit.attach();
    const undo = (hook: Hook): void => unhook(hook, tracefs);
    if (isOnFunctions(method)) hooks = accepted(hooks, operations, leaveOut, (hook) => attach(hook, tracefs), undo);
    else for (const hook of hooks) attach(hook, tracefs);
  } catch (error) {
    detach();
    const refused =
      error instanceof LoadError ? operations.filter((operation) => isOf(error.program, operation, method)) : [];
    if (refused.length === 0 || refused.some(({ isRequired }) => isRequired)) throw error;
    return attachWith(counts, {
      ...way,
      operations: way.operations.filter((operation) => !refused.includes(operation)),
      unmeasured: [...way.unmeasured, ...refused.map((operation) => unmeasuredFor(operation, method, error))],
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

/** One for each function that a program follows. */
function hooksOnFunctions(object: BpfObject, method: Method, operations: readonly Operation[]): Hook[] {
  const names = new Set(operations.flatMap(({ functions }) => functions));
  return [...names].flatMap((name) => {
    try {
      return [hookOf(object, method, name)];
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  });
}

function hookOnSyscalls(object: BpfObject, method: Method, operations: readonly Operation[], leaveOut: LeaveOut): Hook {
  for (const operation of operations) {
    if (!operation.isOnSyscalls) leaveOut(operation, new Error('no system call tells it'));
  }
  return hookOf(object, method, null);
}

function hookOf(object: BpfObject, method: Method, functionName: string | null): Hook {
  const { entry, exit } = PROGRAMS[method](functionName ?? '');
  return { functionName, entry: object.program(entry), exit: object.program(exit), events: [] };
}

function isOf(program: string, { functions }: Operation, method: Method): boolean {
  return functions.some((name) => Object.values(PROGRAMS[method](name)).includes(program));
}

/**
 * The hooks that `prepare` accepts. An operation whose functions do not exist here, or one of whose functions is refused,
 * is left out with all of its hooks.
 */
function accepted(
  hooks: readonly Hook[],
  operations: readonly Operation[],
  leaveOut: LeaveOut,
  prepare: (hook: Hook) => void,
  undo: (hook: Hook) => void,
): Hook[] {
  const failures = new Map<string | null, unknown>();
  for (const hook of hooks) {
    try {
      prepare(hook);
    } catch (error) {
      failures.set(hook.functionName, error);
      undo(hook);
    }
  }
  const isThere = (name: string): boolean =>
    hooks.some(({ functionName }) => functionName === name) && !failures.has(name);
  const left = operations.filter((operation) => {
    const { functions } = operation;
    const refusals = functions.filter((name) => failures.has(name)).map((name) => failures.get(name));
    let refusal = refusals.find((error) => !isMissing(error));
    if (!functions.some(isThere)) refusal ??= refusals[0] ?? new Error(`no program follows ${quoted(functions)}`);
    if (refusal !== undefined) leaveOut(operation, refusal);
    return refusal === undefined;
  });
  const isNeeded = ({ functionName }: Hook): boolean =>
    functionName === null || left.some(({ functions }) => functions.includes(functionName));
  const kept = hooks.filter(({ functionName }) => !failures.has(functionName));
  for (const hook of kept) if (!isNeeded(hook)) undo(hook);
  return kept.filter(isNeeded);
}

function quoted(functions: readonly string[]): string {
  return functions.length === 0 ? 'it' : functions.map((name) => `"${name}"`).join(' or ');
}

/** Whether there is nothing of that name. */
function isMissing(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: string; readonly cause?: unknown };
  if (code === undefined) return cause !== undefined && isMissing(cause);
  return code === 'ESRCH' || code === 'ENOENT';
}

/** Throws where the kernel's BTF does not have the function. */
function follow({ functionName, entry, exit }: Hook): void {
  if (functionName !== null) for (const program of [exit, entry]) program.follow(functionName);
}

/** The exit first, so that each seen entry has its exit seen, too. */
function attach(hook: Hook, tracefs: Tracefs | null): void {
  const { functionName, entry, exit } = hook;
  if (tracefs === null || functionName === null) for (const program of [exit, entry]) program.attach();
  else attachToEvents(hook, functionName, tracefs);
}

function unhook({ entry, exit, events }: Hook, tracefs: Tracefs | null): void {
  for (const program of [entry, exit]) program.detach();
  for (const event of events.splice(0)) tracefs?.remove(event);
}

/** Creates events with names of this process. */
function attachToEvents({ entry, exit, events }: Hook, functionName: string, tracefs: Tracefs): void {
  const suffix = randomBytes(4).toString('hex');
  const create = (side: 'entry' | 'exit', maxActive?: number): ProbeEvent => {
    const event = tracefs.create(`${side}_${functionName}_${suffix}`, functionName, maxActive);
    events.push(event);
    return event;
  };
  for (const [program, event] of [
    [exit, create('exit', MAX_ACTIVE)],
    [entry, create('entry')],
  ] as const) {
    program.attachToEvent(event.group, event.name);
  }
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
