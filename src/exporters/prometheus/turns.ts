/** Shares the event loop among all who write long answers, so that nothing else waits for long. */

/** How long all of them together go on before everything else has its turn, in ms. */
const SLICE_MS = 10;

/** When the first one went on since everything else had its turn; null: none did. */
let began: number | null = null;
const waiting: (() => void)[] = [];

/** Resolves when the caller may go on: at once during a slice, and else after those who have waited for longer. */
export async function turn(): Promise<void> {
  if (began === null) begin();
  else if (performance.now() - began > SLICE_MS) await new Promise<void>((resolve) => waiting.push(resolve));
}

function begin(): void {
  began = performance.now();
  setImmediate(() => {
    began = null;
    const next = waiting.shift();
    if (next === undefined) return;
    begin();
    next();
  });
}
