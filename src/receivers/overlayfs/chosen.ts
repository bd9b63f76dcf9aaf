/** The choice of operations: `receivers.overlayfs.operations`. */
import { names, oneOf } from '../../settings/shapes.ts';
import { OPERATIONS, type Op, type Operation } from './operations.ts';

/**
 * Left out unless they are named: a build or `git status` does them by the hundred thousand, and each takes longer to
 * count than the others.
 */
const RARELY_WANTED: readonly string[] = ['stat', 'lookup'];

/** The operations of one histogram form a group; those of `metadata` can be named alone. */
const groupOf = ({ latency }: Operation): string => latency.name.replace(/^floatie_overlayfs_|_latency_us$/g, '');

const groups = [...new Set(OPERATIONS.map(groupOf))];
const single = OPERATIONS.filter((operation) => groupOf(operation) === 'metadata').map(({ op }): string => op);
const known = [...groups, ...single];

export const chosen = names(`a list of ${known.map((name) => `"${name}"`).join(', ')}`, oneOf(...known), {
  minItems: 1,
});

export const DEFAULT_CHOICE: readonly string[] = known.filter(
  (name) => name !== 'metadata' && !RARELY_WANTED.includes(name),
);

/** @param choice groups and names of operations */
export function chosenOps(choice: readonly string[]): Op[] {
  const isChosen = (operation: Operation): boolean =>
    choice.includes(groupOf(operation)) || choice.includes(operation.op);
  return OPERATIONS.filter(isChosen).map(({ op }) => op);
}
