/** Logs the timers that fire after a program is told to stop: a module for --import, and a parser of its log. */
import type { LogLine } from './floatie.ts';

/** Node's internal timers, such as those of connections, are not logged. */
export const WATCH_TIMERS = `data:text/javascript,${encodeURIComponent(`
  import timers from 'node:timers';
  import { syncBuiltinESMExports } from 'node:module';
  const { setTimeout: original } = globalThis;
  let isStopping = false;
  const fired = [];
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => { isStopping = true; });
  const watched = (work, ms, ...args) => original((...given) => {
    if (isStopping && ms >= 1) fired.push(ms);
    return work(...given);
  }, ms, ...args);
  Object.assign(watched, { [Symbol.for('nodejs.util.promisify.custom')]: original[Symbol.for('nodejs.util.promisify.custom')] });
  globalThis.setTimeout = timers.setTimeout = watched;
  syncBuiltinESMExports();
  process.on('exit', () => process.stderr.write(JSON.stringify({ level: 'test', message: 'timers', fired }) + '\\n'));
`)}`;

/** The delays of the timers that fired after the signal, in ms. */
export function firedTimers(log: readonly LogLine[]): readonly number[] {
  return (log.findLast(({ message }) => message === 'timers')?.fired ?? []) as readonly number[];
}
