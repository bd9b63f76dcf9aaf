/** What following signals adds to each of them, also to those that Floatie has no interest in. */
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findHierarchy } from '../src/containers/hierarchy.ts';
import { KillsReceiver } from '../src/receivers/kills/receiver.ts';
import { OomReceiver } from '../src/receivers/oom/receiver.ts';
import { compileProgram } from './compile.ts';
import type { Bench, Part } from './part.ts';
import { run } from './program.ts';
import { spreadOf } from './statistics.ts';

const ROUNDS = 9;
const TURNS = 100;
const SIGNALS = 2000;

const BARE = 'nothing attached';
const WAYS = {
  'kills alone': (options: Options) => KillsReceiver.start(options),
  'oom alone, by tracepoint': (options: Options) => OomReceiver.start({ ...options, methods: ['tracepoint'] }),
} as const;

interface Options {
  readonly pidNsInum: number;
  readonly cgroupId: bigint;
  readonly cgroupVersion: 1 | 2;
  readonly ringBytes: number;
  readonly objects: string;
}

export const signals: Part = { title: 'What is added to a signal', measure };

async function measure({ results, rounds }: Bench): Promise<void> {
  const send = await compileProgram('send');
  const cpu = availableParallelism() - 1;
  const fastest = async (): Promise<number> => {
    const written = await run(send, `${cpu}`, `${TURNS}`, `${SIGNALS}`);
    return spreadOf(written.trim().split('\n').map(Number)).min;
  };
  const options: Options = {
    ...{ pidNsInum: 0, cgroupId: 0n, cgroupVersion: findHierarchy().version, ringBytes: 1 << 18 },
    objects: join(import.meta.dirname, `../dist/bpf/${process.arch}`),
  };
  for (let round = 0; round < rounds(ROUNDS); round++) {
    const bare = await fastest();
    results.add('a signal to itself takes', BARE, 'ns', bare);
    for (const [name, start] of Object.entries(WAYS)) {
      const receiver = start(options);
      try {
        results.add('added to a signal', name, 'ns', (await fastest()) - bare);
      } finally {
        receiver.stop();
      }
    }
  }
}
