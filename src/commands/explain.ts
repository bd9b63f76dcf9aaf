/** `floatie explain`: what a person would say of the last minute, from a running Floatie. */
import { writeFileSync } from 'node:fs';
import { isCalled } from '../page/names.ts';
import { wallMs } from '../program/clock.ts';
import { type Call, UsageError } from './command.ts';
import { loadTelling } from './configuration.ts';
import { type Explanation, explain } from './explain/sentences.ts';
import { clientOf, urlOf } from './top.ts';

export async function execute({ sources, operands, flags, json }: Call): Promise<boolean> {
  const { url } = flags;
  const client = clientOf(typeof url === 'string' ? url : await urlOf(loadTelling(sources)));
  const { answer, events } = await client.ask();
  if (answer === null)
    throw new Error(`${client.place} keeps no history of containers: service.history is false there`);
  const [wanted] = operands;
  const explanations = explain(answer, events, wallMs(), (owner) => wanted === undefined || isCalled(owner, wanted));
  if (wanted !== undefined && explanations.length === 0) {
    const names = explain(answer, events, wallMs()).map(({ container }) => container);
    throw new UsageError(`No container "${wanted}" was seen in the last five minutes; ${namesOf(names)}`);
  }
  writeFileSync(
    1,
    json ? `${JSON.stringify({ containers: explanations })}\n` : textOf(explanations, wanted, answer.steps),
  );
  return true;
}

/** How many names are listed. */
const MAX_NAMES = 10;

function namesOf(names: readonly string[]): string {
  if (names.length === 0) return 'there was none';
  return `there were ${names.slice(0, MAX_NAMES).join(', ')}${names.length > MAX_NAMES ? ' …' : ''}`;
}

function textOf(explanations: readonly Explanation[], wanted: string | undefined, steps: number): string {
  if (steps === 0) return 'Floatie has just started: ask again in ten seconds\n';
  const told = explanations.filter(({ statements, killed }) => statements.length + killed.length > 0);
  if (told.length === 0) {
    return wanted === undefined
      ? 'No container waited for its files in the last minute, and none was killed\n'
      : `${explanations[0]?.container ?? wanted} did not wait for its files in the last minute, and nothing was killed\n`;
  }
  return told.map(paragraphOf).join('\n');
}

function paragraphOf({ container, statements, killed }: Explanation): string {
  const lines = [
    ...statements.flatMap(({ sentence, cure }) => [sentence, ...(cure === undefined ? [] : [`  try: ${cure}`])]),
    ...killed,
  ];
  // Names, and paths in sentences, come from containers.
  const [first = '', ...rest] = lines.map(printable);
  return `${printable(container)}: ${first}\n${rest.map((line) => `  ${line}\n`).join('')}`;
}

function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '�');
}
