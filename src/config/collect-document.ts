/** Collects the values of a document, and says what in it is no key. */
import { isRecord } from '../settings/shapes.ts';
import { MAX_TOLD, partsOf, show, showPath } from '../settings/show.ts';
import { insteadOf } from './collector-keys.ts';
import type { ConfigDocument } from './document.ts';
import { foreignProblems } from './foreign.ts';
import { addInstance, type Everything, give, type Written } from './given.ts';
import { hintFor, isKey, isSection, TOP } from './writable.ts';

/** Collects the known keys of a document; an unknown key is a problem. */
export function collectDocument(document: ConfigDocument, all: Everything): void {
  const { values: root, texts, placeOf, hidden } = document;
  const { instances, problems, warnings } = all;
  const foreign = isOfCollector(root) ? null : foreignProblems(root, TOP, 'configuration of Floatie', placeOf);
  if (foreign !== null) {
    problems.push(...foreign);
    return;
  }
  problems.push(...document.problems);
  warnings.push(...document.warnings);
  const written: Written = new Map();
  /** Components of the collector that a warning has told of. */
  const told = new Set<string>();
  const isOfVariable = (node: unknown): boolean => partsOf(node).some((part) => hidden.includes(part));
  let unknown = 0;
  const tellUnknown = (key: string, shown: string, place: string): void => {
    if (++unknown > MAX_TOLD) return;
    const instead = shown === key ? insteadOf(key) : null;
    if (instead?.isProblem === false) {
      told.add(key);
      warnings.push(`${place}: ${shown}: is ignored: ${instead.sentence}`);
    } else {
      const hint = shown === key ? hintFor(key) : '';
      problems.push(`${place}: ${shown}: unknown key${instead === null ? hint : `; ${instead.sentence}`}`);
    }
  };
  const visit = (node: unknown, text: unknown, path: readonly string[], shown: string, isHidden: boolean): void => {
    const key = path.join('.');
    const isUnset = node === null && text === null; // "key:" with nothing behind it keeps the default
    addInstance(key, instances);
    if (isKey(key)) {
      const ofVariable = { ...(text !== node && { text }), ...((isHidden || isOfVariable(node)) && { hidden }) };
      if (!isUnset) give(key, { value: node, ...ofVariable, origin: placeOf(path), placeOf }, all, written);
    } else if (!isSection(key)) {
      tellUnknown(key, shown, placeOf(path));
    } else if (isRecord(node)) {
      const [below, isBelowHidden] = isRecord(text) ? [text, isHidden] : [node, true];
      for (const [name, child] of Object.entries(node)) {
        // The collector's YAML on a command line has keys such as "exporters::otlp::endpoint".
        const inner = [...path, ...name.split('::')];
        const shownInner = isBelowHidden ? `${shown}.…` : showPath(inner);
        visit(child, Object.hasOwn(below, name) ? below[name] : child, inner, shownInner, isBelowHidden);
      }
    } else if (node !== null) {
      problems.push(
        `${placeOf(path)}: ${shown}: must be a section${isHidden || isOfVariable(node) ? '' : `, not ${show(node)}`}`,
      );
    }
  };
  visit(root, texts, [], '', false);
  if (unknown > MAX_TOLD) problems.push(`${placeOf([])}: and ${unknown - MAX_TOLD} more unknown keys`);
  for (const section of ['receivers', 'processors']) leaveOut(section, told, all);
}

/** Leaves components of the collector out of the pipeline, with one warning for each. */
function leaveOut(section: string, told: ReadonlySet<string>, { values, warnings }: Everything): void {
  const key = `service.pipelines.metrics.${section}`;
  const given = values.get(key);
  if (!Array.isArray(given?.value)) return;
  const isLeftOut = (name: unknown): boolean =>
    typeof name === 'string' && insteadOf(`${section}.${name}`)?.isProblem === false;
  const [left, names] = [given.value.filter(isLeftOut), given.value.filter((name) => !isLeftOut(name))];
  if (left.length === 0) return;
  for (const name of left.filter((one) => !told.has(`${section}.${one}`))) {
    warnings.push(`${given.origin}: ${key}: "${name}" is ignored: ${insteadOf(`${section}.${name}`)?.sentence}`);
  }
  // With nothing left, the default counts.
  if (names.length === 0) values.delete(key);
  else values.set(key, { ...given, value: names, ...(given.text !== undefined && { text: names }) });
}

/** Whether it has a section of the collector, and so is no file of passwords. */
function isOfCollector(root: unknown): boolean {
  return isRecord(root) && Object.keys(root).some((name) => insteadOf(name) !== null);
}
