/** What `receivers.overlayfs.causes` adds to a switch between tasks. */
import { availableParallelism } from 'node:os';
import { compileProgram } from './compile.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { run } from './program.ts';
import { spreadOf } from './statistics.ts';
import { type Attach, attachEmptySwitch, attachNothing, attachReceiver } from './tracers.ts';

const ROUNDS = 8;
const TURNS = 60;
const SENDS = 2000;

const EMPTY = 'an empty program';
const UNKNOWN = 'threads that never used overlayfs';
const KNOWN = 'threads that have used overlayfs';
const TAKES = 'a switch takes';
const ADDED = 'added to a switch';

export const switches: Part = { title: 'What the causes of waiting add to a switch between tasks', measure };

async function measure({ results, rounds }: Bench): Promise<void> {
  const program = await compileProgram('switches');
  using overlay = Overlay.mount();
  const cpu = availableParallelism() - 1;
  const fastest = async (attach: Attach, ...files: string[]): Promise<number> => {
    await using _ = await attach();
    const written = await run(program, `${cpu}`, `${TURNS}`, `${SENDS}`, ...files);
    return spreadOf(written.trim().split('\n').map(Number)).min;
  };
  for (let round = 0; round < rounds(ROUNDS); round++) {
    const bare = await fastest(attachNothing);
    results.add(TAKES, 'nothing attached', 'ns', bare);
    results.add(ADDED, EMPTY, 'ns', (await fastest(attachEmptySwitch)) - bare);
    for (const [name, files] of [
      [UNKNOWN, []],
      [KNOWN, [overlay.file]],
    ] as const) {
      // Each switch comes with two system calls, which Floatie follows as well.
      const off = await fastest(() => attachReceiver({ attach: 'syscall', sleeps: false }), ...files);
      const on = await fastest(() => attachReceiver({ attach: 'syscall', sleeps: true }), ...files);
      results.add(ADDED, name, 'ns', on - off);
    }
  }
  for (const name of [UNKNOWN, KNOWN]) results.compare(name, EMPTY);
}
