/** The ways to attach to overlayfs, with their missed runs. */
import { randomBytes } from 'node:crypto';
import { explain } from '../../kernel/explain.ts';
import { type ProbeEvent, Tracefs } from '../../kernel/tracefs.ts';
import { type BpfObject, type BpfProgram, LibbpfError, LoadError } from '../../native/index.ts';
import { reasonFor } from '../../program/refusal.ts';
import { type Cause, UNAIDED } from './causes.ts';
import type { Features, OverlayfsCounts } from './counts.ts';
import { OPERATIONS, type Op, type Operation } from './operations.ts';
import { attachSleeps, detachSleeps, includeSleeps } from './sleeps.ts';

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
  /** The causes that are told apart. */
  readonly causes: readonly Cause[];
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

/** On system calls known by a name, or by what the kernel has of a file, alone. */
const BY_READING: readonly Op[] = ['create', 'remove', 'rename', 'copy_up_inferred'];

export const isOnFunctions = (method: Method): boolean => method === 'fentry' || method === 'kprobe';

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
      if (!features.sleeps && (!(error instanceof LibbpfError) || error.code === 'EPERM')) break;
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
  /** null where the entry alone is of interest. */
  readonly exit: BpfProgram | null;
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
  if (!features.untypedLoads) {
    const error = new Error('the kernel is locked down, and lets no program read names or its memory');
    for (const operation of operations) if (BY_READING.includes(operation.op)) leaveOut(operation, error);
  }
  const object = counts.openPrograms([THREAD_EXIT], features, operations, isOnFunctions(method));
  const threadExit = object.program(THREAD_EXIT);
  let hooks: Hook[] = [];
  const detach = (): void => {
    if (object.closed) return;
    // Entries first, so that exits still count all pending operations.
    for (const program of [...hooks.map(({ entry }) => entry), ...hooks.map(({ exit }) => exit), threadExit]) {
      program?.detach();
    }
    if (features.sleeps) detachSleeps(object);
    object.close();
    for (const hook of hooks) unhook(hook, tracefs);
  };
  let causes: readonly Cause[] = UNAIDED;
  try {
    hooks = isOnFunctions(method)
      ? hooksOnFunctions(object, method, operations)
      : [hookOnSyscalls(object, method, operations, leaveOut)];
    if (method === 'fentry') hooks = accepted(hooks, operations, leaveOut, follow, () => {});
    for (const hook of hooks) for (const program of programsOf(hook)) program.include();
    if (features.sleeps) includeSleeps(object);
    object.load();
    threadExit.attach();
    const undo = (hook: Hook): void => unhook(hook, tracefs);
    if (isOnFunctions(method)) hooks = accepted(hooks, operations, leaveOut, (hook) => attach(hook, tracefs), undo);
    else for (const hook of hooks) attach(hook, tracefs);
    if (features.sleeps) causes = attachSleeps(object);
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
  const missedOn = (side: 'entry' | 'exit'): number => {
    const events = hooks.flatMap((hook) => hook.events.filter(({ name }) => name.startsWith(side)));
    const programs = hooks.flatMap((hook) => hook[side] ?? []);
    return programs.reduce((sum, program) => sum + program.recursionMisses(), tracefs?.missed(events) ?? 0);
  };
  return {
    method,
    unmeasured,
    causes,
    missedThreadEnds: () => threadExit.recursionMisses(),
    missed: () => ({ entry: missedOn('entry'), exit: missedOn('exit') }),
    detach,
  };
}

type LeaveOut = (operation: Operation, error: unknown) => void;

/** One for each function that a program follows. */
function hooksOnFunctions(object: BpfObject, method: Method, operations: readonly Operation[]): Hook[] {
  const names = new Set(operations.flatMap(functionsOf));
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
  return { functionName, entry: object.program(entry), exit: existing(object, exit), events: [] };
}

function existing(object: BpfObject, program: string): BpfProgram | null {
  try {
    return object.program(program);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The exit first, so that each seen entry has its exit seen, too. */
function programsOf({ entry, exit }: Hook): BpfProgram[] {
  return exit === null ? [entry] : [exit, entry];
}

function functionsOf({ functions, oneOf = [] }: Operation): string[] {
  return [...functions, ...oneOf.flat()];
}

function isOf(program: string, operation: Operation, method: Method): boolean {
  return functionsOf(operation).some((name) => Object.values(PROGRAMS[method](name)).includes(program));
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
  const failures = new Map<string, unknown>();
  const prepared = new Set<Hook>();
  const isThere = (name: string): boolean => {
    const hook = hooks.find(({ functionName }) => functionName === name);
    if (hook === undefined || failures.has(name)) return false;
    if (prepared.has(hook)) return true;
    try {
      prepare(hook);
      prepared.add(hook);
      return true;
    } catch (error) {
      failures.set(name, error);
      undo(hook);
      return false;
    }
  };
  const needed = new Set<string>();
  for (const operation of operations) {
    const { functions, oneOf } = operation;
    const there = functions.filter(isThere);
    const set = oneOf?.find((names) => names.every(isThere));
    const refusals = [...functions, ...(set ?? oneOf?.flat() ?? [])].flatMap((name) => failures.get(name) ?? []);
    const isWhole = functions.length === 0 ? set !== undefined : there.length > 0 && (oneOf === undefined || set);
    const refusal = refusals.find((error) => !isMissing(error)) ?? (isWhole ? undefined : (refusals[0] ?? null));
    if (refusal === undefined) for (const name of [...there, ...(set ?? [])]) needed.add(name);
    else leaveOut(operation, refusal ?? noProgram(functionsOf(operation)));
  }
  const isNeeded = ({ functionName }: Hook): boolean => functionName !== null && needed.has(functionName);
  for (const hook of prepared) if (!isNeeded(hook)) undo(hook);
  return hooks.filter(isNeeded);
}

function noProgram(functions: readonly string[]): Error {
  if (functions.length === 0) return new Error('it is inferred from system calls; functions tell it exactly');
  return new Error(`no program follows ${quoted(functions)}`);
}

function quoted(functions: readonly string[]): string {
  return functions.map((name) => `"${name}"`).join(' or ');
}

/** Whether there is nothing of that name. */
function isMissing(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: string; readonly cause?: unknown };
  if (code === undefined) return cause !== undefined && isMissing(cause);
  return code === 'ESRCH' || code === 'ENOENT';
}

/** Throws where the kernel's BTF does not have the function. */
function follow(hook: Hook): void {
  if (hook.functionName !== null) for (const program of programsOf(hook)) program.follow(hook.functionName);
}

function attach(hook: Hook, tracefs: Tracefs | null): void {
  if (tracefs === null || hook.functionName === null) for (const program of programsOf(hook)) program.attach();
  else attachToEvents(hook, hook.functionName, tracefs);
}

function unhook(hook: Hook, tracefs: Tracefs | null): void {
  for (const program of programsOf(hook).reverse()) program.detach();
  const { events } = hook;
  for (const event of events.splice(0)) tracefs?.remove(event);
}

/** Creates events with names of this process. */
function attachToEvents(hook: Hook, functionName: string, tracefs: Tracefs): void {
  const { exit, events } = hook;
  const suffix = randomBytes(4).toString('hex');
  const create = (side: 'entry' | 'exit', maxActive?: number): ProbeEvent => {
    const event = tracefs.create(`${side}_${functionName}_${suffix}`, functionName, maxActive);
    events.push(event);
    return event;
  };
  for (const program of programsOf(hook)) {
    const event = program === exit ? create('exit', MAX_ACTIVE) : create('entry');
    program.attachToEvent(event.group, event.name);
  }
}

function unmeasuredFor(operation: Operation, method: Method, error: unknown): Unmeasured {
  const { op } = operation;
  return { op, reason: reasonFor(explain(error, { method, functionName: functionsOf(operation)[0] ?? op })) };
}

/** The sets of features to try, best first. */
function* featureSets(
  { taskStorage = true, typedLoads = true, sleeps = false }: Partial<Features>,
  method: Method,
): Generator<Features> {
  if (sleeps && taskStorage) {
    for (const features of featureSets({ typedLoads }, method)) {
      if (features.taskStorage) yield { ...features, sleeps };
    }
  }
  // Only programs on system calls use untyped pointers.
  if (taskStorage && typedLoads && !isOnFunctions(method)) {
    yield { taskStorage: true, typedLoads: true, untypedLoads: true, sleeps: false };
    yield { taskStorage: true, typedLoads: true, untypedLoads: false, sleeps: false };
  }
  if (taskStorage) yield { taskStorage: true, typedLoads: false, untypedLoads: true, sleeps: false };
  yield { taskStorage: false, typedLoads: false, untypedLoads: true, sleeps: false };
}
