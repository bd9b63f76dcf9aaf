/** Tries inputs on a target for a while: first those that are kept, then changed ones and random ones. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';

export interface Target {
  /** Texts that its inputs are made of, so that more of them get past the first look. */
  readonly words: readonly string[];
  /** Begins; what it gives throws where an input does harm. */
  open(): Promise<Running> | Running;
}

export interface Running extends AsyncDisposable {
  check(input: Buffer): void | Promise<void>;
}

export interface Finding {
  /** Where the input is kept now. */
  readonly file: string;
  readonly error: unknown;
}

const CORPUS = fileURLToPath(new URL('./corpus', import.meta.url));
/** Nothing that one input does may take longer, in ms; much more than the slowest machine needs. */
const MAX_MS = 5000;

/** @returns how many inputs were tried, and what was found: the smallest input that does the same, kept in the corpus */
export async function fuzz(
  name: string,
  target: Target,
  seconds: number,
  seed: number,
): Promise<{ readonly runs: number; readonly finding: Finding | null }> {
  const folder = join(CORPUS, name);
  const files = readdirSync(folder).sort();
  const kept = files.map((file) => readFileSync(join(folder, file)));
  await using running = await target.open();
  const check = async (input: Buffer): Promise<void> => {
    const began = performance.now();
    await running.check(input);
    const ms = performance.now() - began;
    if (ms > MAX_MS) throw new Error(`It took ${ms.toFixed(0)} ms`);
  };
  for (const [index, input] of kept.entries()) {
    try {
      await check(input);
    } catch (error) {
      return { runs: index + 1, finding: { file: join(folder, files[index] ?? ''), error } };
    }
  }
  const property = fc.asyncProperty(inputs(kept, target.words), check);
  const limits = { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: seconds * 1000 };
  const { failed, counterexample, numRuns, errorInstance } = await fc.check(property, { seed, ...limits });
  const runs = kept.length + numRuns;
  // Without an input it was interrupted before the first had ended.
  if (!failed || counterexample === null) return { runs, finding: null };
  return { runs, finding: { file: keep(folder, counterexample[0]), error: errorInstance } };
}

function keep(folder: string, input: Buffer): string {
  const file = join(folder, `found-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, input);
  return file;
}

/** Bytes, and what is kept with some changes; words come into both. */
function inputs(kept: readonly Buffer[], words: readonly string[]): fc.Arbitrary<Buffer> {
  const word = fc.constantFrom(...words).map((text) => Buffer.from(text, 'latin1'));
  const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
  const piece = fc.oneof(word, bytes);
  const random = fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.concat(pieces));
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const change = fc.record({
    kind: fc.constantFrom('insert', 'replace', 'remove', 'repeat', 'flip'),
    ...{ at: share, length: fc.nat(40), piece, bit: fc.nat(7) },
  });
  const changed = fc
    .tuple(fc.constantFrom(...kept), fc.array(change, { minLength: 1, maxLength: 8 }))
    .map(([input, changes]) => changes.reduce(apply, input));
  return fc.oneof({ weight: 3, arbitrary: changed }, { weight: 1, arbitrary: random });
}

interface Change {
  readonly kind: 'insert' | 'replace' | 'remove' | 'repeat' | 'flip';
  readonly at: number;
  readonly length: number;
  readonly piece: Buffer;
  readonly bit: number;
}

function apply(input: Buffer, { kind, at, length, piece, bit }: Change): Buffer {
  const begin = Math.floor(at * input.length);
  const [before, part, after] = [
    input.subarray(0, begin),
    input.subarray(begin, begin + length),
    input.subarray(begin + length),
  ];
  switch (kind) {
    case 'insert':
      return Buffer.concat([before, piece, part, after]);
    case 'replace':
      return Buffer.concat([before, piece, after]);
    case 'remove':
      return Buffer.concat([before, after]);
    case 'repeat':
      return Buffer.concat([before, part, part, part, after]);
    case 'flip': {
      const copy = Buffer.from(input);
      copy[begin] = (copy[begin] ?? 0) ^ (1 << bit);
      return copy;
    }
  }
}
