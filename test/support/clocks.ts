/** Mocks both clocks of this process: they stand still until the test lets time pass or sets the wall clock. */

import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import type { TestContext } from 'node:test';

export interface Clocks {
  /** Advances both clocks. */
  pass(ms: number): void;
  /** Sets the wall clock forward or back. */
  set(byMs: number): void;
  /** The wall clock, in ms. */
  readonly nowMs: number;
}

export function holdClocks(context: TestContext): Clocks {
  const { mock } = context;
  // Whole numbers: sums of them are exact.
  const [wallMs, monotonicMs, uptimeS] = [Date.now(), Math.floor(performance.now()), Math.floor(os.uptime())];
  const ns = process.hrtime.bigint();
  let [passedMs, setMs] = [0, 0];
  mock.method(Date, 'now', () => wallMs + passedMs + setMs);
  mock.method(performance, 'now', () => monotonicMs + passedMs);
  mock.method(process.hrtime, 'bigint', () => ns + BigInt(passedMs) * 1_000_000n);
  const uptime = mock.method(os, 'uptime', () => uptimeS + passedMs / 1000);
  syncBuiltinESMExports();
  context.after(() => {
    uptime.mock.restore();
    syncBuiltinESMExports();
  });
  return {
    pass(ms) {
      passedMs += ms;
    },
    set(byMs) {
      setMs += byMs;
    },
    get nowMs() {
      return wallMs + passedMs + setMs;
    },
  };
}
