/**
 * `npm run fuzz [-- SECONDS [TARGET…]]`: each target for that long, ten minutes by default, one after the other. A find
 * is kept in test/fuzz/corpus/TARGET, from where every later run tries it first.
 */
import { inspect } from 'node:util';
import { fuzz } from './fuzzer.ts';
import { TARGETS } from './targets.ts';

const [given = '600', ...names] = process.argv.slice(2);
const seconds = Number(given);
const chosen = names.length > 0 ? names : Object.keys(TARGETS);
const unknown = chosen.filter((name) => !Object.hasOwn(TARGETS, name));
if (!(seconds > 0) || unknown.length > 0) {
  process.stderr.write(`fuzz [SECONDS [TARGET…]], of ${Object.keys(TARGETS).join(', ')}\n`);
  process.exit(2);
}

let found = 0;
for (const name of chosen) {
  const target = TARGETS[name];
  if (target === undefined) continue;
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { runs, finding } = await fuzz(name, target, seconds, seed);
  process.stdout.write(`${name}: ${runs} inputs, seed ${seed}: ${finding === null ? 'nothing' : finding.file}\n`);
  if (finding === null) continue;
  found++;
  process.stdout.write(`${inspect(finding.error)}\n`);
}
process.exit(found === 0 ? 0 : 1);
