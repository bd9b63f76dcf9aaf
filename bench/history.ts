/** What the history of the last five minutes costs while nobody looks at it. */
import { Containers } from './containers.ts';
import { cpuMs, memoryOf } from './costs.ts';
import { Floatie } from './floatie.ts';
import { Overlay } from './overlay.ts';
import type { Bench, Part } from './part.ts';
import { OURS } from './results.ts';
import { sleep } from './stopping.ts';

const ROUNDS = 8;
const CONTAINERS = 100;
/** A step of the history: in each of them all containers read and write. */
const STEP_MS = 5000;
const STEPS = 6;
/** Until V8 has compiled what is called each step. */
const WARM_STEPS = 6;
/** How much of a core, in percent, and of memory, in MB. */
const [CPU_AIM, MEMORY_AIM] = [0.5, 6];

const WITHOUT = 'without a history';
const ADDED = 'added by the history';

export const history: Part = { title: `The history of ${CONTAINERS} containers that read and write`, measure };

/** Both run at once: what disturbs one disturbs the other. */
async function measure({ trees: [tree], results, rounds }: Bench): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const overlay = cleanup.use(Overlay.mount());
  const containers = cleanup.use(Containers.create(CONTAINERS));
  const kept = cleanup.use(await Floatie.start(tree.dist()));
  const without = cleanup.use(await Floatie.start(tree.dist(), ['--set', 'service.history=false']));
  const pids = [kept.pid, without.pid] as const;
  const work = async (steps: number): Promise<void> => {
    for (let step = 0; step < steps; step++) {
      const began = performance.now();
      await containers.work(overlay.file);
      await sleep(Math.max(0, STEP_MS - (performance.now() - began)));
    }
  };

  await work(WARM_STEPS);
  for (let round = 0; round < rounds(ROUNDS); round++) {
    const began = performance.now();
    const before = pids.map(cpuMs);
    await work(STEPS);
    const elapsed = performance.now() - began;
    const [own = 0, other = 0] = pids.map((pid, at) => ((cpuMs(pid) - (before[at] ?? 0)) / elapsed) * 100);
    const [ownMb, otherMb] = [memoryOf(kept.pid).anonymousMb, memoryOf(without.pid).anonymousMb];
    for (const [of, cpu, mb] of [
      [OURS, own, ownMb],
      [WITHOUT, other, otherMb],
      [ADDED, own - other, ownMb - otherMb],
    ] as const) {
      results.add('CPU time', of, '%', cpu);
      results.add('anonymous memory', of, 'MB', mb);
    }
  }
  results.aim('CPU time', ADDED, { atMost: CPU_AIM });
  results.aim('anonymous memory', ADDED, { atMost: MEMORY_AIM });
}
