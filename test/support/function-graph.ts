/** What calls of the kernel's functions take, as the tracer function_graph sees them, which knows nothing of BPF. */
import assert from 'node:assert/strict';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TRACEFS = '/sys/kernel/tracing';
/** For each CPU, in kB: enough for some 100,000 calls. */
const BUFFER_KB = 16_384;

export interface Calls {
  readonly count: number;
  readonly ms: number;
}

/** The calls of each function; those within another one of these functions are part of that. */
export type CallsByFunction = ReadonlyMap<string, Calls>;

/** Traces until it is disposed of. Functions that this kernel does not have are left out. */
export function traceFunctions(functions: readonly string[]): Disposable & { end(): CallsByFunction } {
  const write = (name: string, text: string): void => writeFileSync(join(TRACEFS, name), text);
  const read = (name: string): string => readFileSync(join(TRACEFS, name), 'utf8');
  const existing = new Set(
    read('available_filter_functions')
      .split('\n')
      .map((line) => line.split(' ')[0]),
  );
  const stack = new DisposableStack();
  stack.defer(() => {
    write('current_tracer', 'nop');
    write('set_ftrace_filter', '');
    write('max_graph_depth', '0');
    write('trace', '');
  });
  write('buffer_size_kb', `${BUFFER_KB}`);
  write('set_ftrace_filter', functions.filter((name) => existing.has(name)).join('\n'));
  write('max_graph_depth', '1');
  write('current_tracer', 'function_graph');
  write('trace_options', 'funcgraph-tail');
  write('trace', '');
  return {
    end() {
      write('tracing_on', '0');
      try {
        for (const path of globSync(join(TRACEFS, 'per_cpu/cpu*/stats')))
          assert.match(readFileSync(path, 'utf8'), /^overrun: 0$/m, 'the buffer was large enough');
        return parseTrace(read('trace'));
      } finally {
        write('tracing_on', '1');
      }
    },
    [Symbol.dispose]: () => stack.dispose(),
  };
}

/** A call whose end follows its beginning is one line; of others, the line of the end has what they took. */
const END = /([\d.]+) us +\| +(?:(\w+)[^(;]*\([^)]*\);|\} \/\* (\w+)[^*]*\*\/)/;

function parseTrace(trace: string): CallsByFunction {
  const calls = new Map<string, Calls>();
  for (const line of trace.split('\n')) {
    const [, us, whole, end] = END.exec(line) ?? [];
    const name = whole ?? end;
    if (name === undefined) continue;
    const { count, ms } = calls.get(name) ?? { count: 0, ms: 0 };
    calls.set(name, { count: count + 1, ms: ms + Number(us) / 1000 });
  }
  return calls;
}
