import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Health } from '../../src/program/health.ts';
import { Jobs } from '../../src/program/jobs.ts';
import { createLogger } from '../../src/program/log.ts';
import { eventually } from '../support/eventually.ts';
import { THROWN } from '../support/thrown.ts';

/** A job that throws until it is mended. */
function startJob(thrown: unknown) {
  const lines: string[] = [];
  const health = new Health(createLogger('info', 'text', (line) => lines.push(line)));
  let isBroken = true;
  let runs = 0;
  const end = new Jobs(health, 1).every(1, 'count the sheep', () => {
    runs++;
    if (isBroken) throw thrown;
  });
  return {
    health,
    lines,
    mend: () => {
      isBroken = false;
    },
    ran: (times: number) => eventually(`it ran ${times} times`, () => runs >= times),
    [Symbol.dispose]: end,
  };
}

suite('a job that throws', () => {
  for (const [name, thrown] of Object.entries(THROWN)) {
    test(`${name} is done again, and told by its name in the log and in /readyz`, async () => {
      using job = startJob(thrown);
      await job.ran(3);
      const [failing] = job.health.readiness().failing ?? [];
      assert.equal(failing?.job, 'count the sheep');
      assert.ok((job.health.jobErrors().get('count the sheep') ?? 0) >= 2);
      assert.equal(job.lines.length, 1, 'it is told once');
      assert.match(job.lines.join(''), /error Cannot count the sheep: \S/);
    });
  }

  test('is no longer told as failing once it goes well', async () => {
    using job = startJob(undefined);
    await job.ran(2);
    job.mend();
    await eventually('it goes well', () => job.health.readiness().failing === undefined);
    assert.match(job.lines.at(-1) ?? '', /info {2}Can count the sheep again/);
  });
});

test('a job that takes longer than its interval is not begun again meanwhile', async () => {
  let underWay = 0;
  let runs = 0;
  const most: number[] = [];
  const work = async (): Promise<void> => {
    most.push(++underWay);
    await new Promise((resolve) => setTimeout(resolve, 20));
    underWay--;
    runs++;
  };
  const end = jobs().every(1, 'take its time', work);
  try {
    await eventually('it ran', () => runs >= 3);
    assert.equal(Math.max(...most), 1);
  } finally {
    end();
  }
});

test('jobs run as often as each of them asks for, and no more once they are ended', async () => {
  const runs = { often: 0, seldom: 0, ended: 0 };
  const all = jobs();
  const ends = [
    all.every(1, 'run often', () => void runs.often++),
    all.every(3_600_000, 'run seldom', () => void runs.seldom++),
  ];
  all.every(1, 'run never', () => void runs.ended++)();
  try {
    await eventually('it ran three times', () => runs.often >= 3);
  } finally {
    for (const end of ends) end();
  }
  const { often } = runs;
  // Whoever asks later is due later.
  await eventually('a later job ran', async () => {
    let isRun = false;
    const end = all.every(1, 'run later', () => {
      isRun = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    end();
    return isRun;
  });
  assert.deepEqual(runs, { often, seldom: 0, ended: 0 });
});

test('jobs that are due together leave everything else its turn', async () => {
  const order: string[] = [];
  const all = jobs();
  const long = (name: string) => () => {
    setImmediate(() => order.push('else'));
    const until = performance.now() + 20;
    while (performance.now() < until);
    order.push(name);
  };
  const ends = ['first', 'second'].map((name) => all.every(100, `be the ${name}`, long(name)));
  try {
    await eventually('both ran', () => order.includes('second'));
  } finally {
    for (const end of ends) end();
  }
  assert.deepEqual(order.slice(0, 3), ['first', 'else', 'second']);
});

suite('jobs that may rest', () => {
  const BUSY_MS = 20;

  /** A job that runs each ms, and may rest for an hour. */
  async function resting() {
    const all = new Jobs(new Health(createLogger('info', 'text', () => undefined)), 1, BUSY_MS);
    let runs = 0;
    const end = all.every(1, 'look for sheep', () => void runs++, 3_600_000);
    all.rest();
    const comesToRest = async (): Promise<void> => {
      let before = Number.NaN;
      await eventually('it rests', async () => {
        before = runs;
        await new Promise((resolve) => setTimeout(resolve, 5 * BUSY_MS));
        return runs === before;
      });
    };
    await comesToRest();
    return { all, runs: () => runs, comesToRest, [Symbol.dispose]: end };
  }

  test('run as often as they ask for while nobody tells what happens', async () => {
    const all = jobs();
    let runs = 0;
    const end = all.every(1, 'look for sheep', () => void runs++, 3_600_000);
    all.hurry();
    try {
      await eventually('it ran', () => runs >= 10);
    } finally {
      end();
    }
  });

  test('do once nothing happens, run at once when something does, and rest again', async () => {
    using job = await resting();
    const before = job.runs();
    job.all.hurry();
    await eventually('it ran a few times', () => job.runs() >= before + 3);
    await job.comesToRest();
  });

  test('leave those that may not alone', async () => {
    using job = await resting();
    let runs = 0;
    const end = job.all.every(1, 'count sheep', () => void runs++);
    try {
      await eventually('it ran', () => runs >= 3);
    } finally {
      end();
    }
  });

  test('do so no more when nobody tells any longer what happens', async () => {
    using job = await resting();
    job.all.goOn();
    const before = job.runs();
    await new Promise((resolve) => setTimeout(resolve, 5 * BUSY_MS));
    await eventually('it ran after a while', () => job.runs() >= before + 10);
  });
});

function jobs(): Jobs {
  return new Jobs(new Health(createLogger('info', 'text', () => undefined)), 1);
}
