/** Shares the event loop among all who write long answers, so that nothing else waits for long. */

/** How long all of them together go on before everything else has its turn, in ms. */
const SLICE_MS = 10;

/** When the first one went on since everything else had its turn; null: none did. */
let began: number | null = null;
const waiting: (() => void)[] = [];

/** Resolves when the caller may go on: at once, or after those who have waited for longer. */
export async function turn(): Promise<void> {
  if (began === null) begin();
  const isOver = began !== null && performance.now() - began > SLICE_MS;
  if (!isOver && waiting.length === 0) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  if (!isOver) waiting.shift()?.();
  await promise;
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
