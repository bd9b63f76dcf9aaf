/** What `floatie top` shows, and how keys change it. */
import { SORTS, type Sort } from '../../page/rows.ts';

export const VIEWS = ['containers', 'killed', 'slow'] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Model {
  readonly view: ViewName;
  readonly sort: Sort;
  readonly filter: string;
  /** Whether keys are letters of the filter. */
  readonly isTyping: boolean;
  /** The id of the marked container; null: the first one. */
  readonly marked: string | null;
  /** The id of the container that is shown alone; null: all. */
  readonly container: string | null;
  /** How many lines of a text that is longer than the screen are above it. */
  readonly above: number;
}

export const START: Model = {
  view: 'containers',
  sort: 'worst',
  filter: '',
  isTyping: false,
  marked: null,
  container: null,
  above: 0,
};

/** As node:readline gives it. */
export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean;
}

const SORT_NAMES = Object.keys(SORTS) as Sort[];
const MAX_FILTER = 100;

/**
 * @param ids of the containers that are listed, in their order
 * @param page how many lines a page has
 */
export function press(model: Model, key: Key, ids: readonly string[], page: number): Model | 'quit' {
  const { name = '', sequence = '', ctrl = false } = key;
  if (ctrl) return name === 'c' ? 'quit' : model;
  if (model.isTyping) return type(model, name, sequence);
  const steps = { up: -1, k: -1, down: 1, j: 1, pageup: -page, pagedown: page, home: -1e9, end: 1e9 };
  const step = Object.hasOwn(steps, name) ? steps[name as keyof typeof steps] : 0;
  if (step !== 0) return move(model, step, ids);
  switch (name === '' || name.length > 1 ? name || sequence : sequence) {
    case 'q':
    case 'f10':
      return 'quit';
    case 'escape':
    case 'left':
    case 'backspace':
      return { ...model, container: null, filter: model.container === null ? '' : model.filter, above: 0 };
    case 'return':
    case 'enter':
    case 'right': {
      if (model.view !== 'containers' || model.container !== null) return model;
      return { ...model, container: markedIn(model, ids), above: 0 };
    }
    case '/':
    case 'f4':
      return { ...model, isTyping: true, filter: '', container: null };
    case 's':
    case '>':
    case 'f6':
      return { ...model, sort: next(SORT_NAMES, model.sort, 1) };
    case 'S':
    case '<':
      return { ...model, sort: next(SORT_NAMES, model.sort, -1) };
    case 'tab':
      return show(model, next(VIEWS, model.view, 1));
    case '1':
    case '2':
    case '3':
      return show(model, VIEWS[Number(sequence) - 1] ?? 'containers');
    default:
      return model;
  }
}

/** The id of the marked container, or the first one when it is not listed any more. */
export function markedIn({ marked }: Model, ids: readonly string[]): string | null {
  return marked !== null && ids.includes(marked) ? marked : (ids[0] ?? null);
}

function show(model: Model, view: ViewName): Model {
  return { ...model, view, container: null, above: 0 };
}

function type(model: Model, name: string, sequence: string): Model {
  if (name === 'return' || name === 'enter') return { ...model, isTyping: false };
  if (name === 'escape') return { ...model, isTyping: false, filter: '' };
  if (name === 'backspace') return { ...model, filter: [...model.filter].slice(0, -1).join('') };
  if (/^[^\p{Cc}]+$/u.test(sequence)) return { ...model, filter: (model.filter + sequence).slice(0, MAX_FILTER) };
  return model;
}

function move(model: Model, step: number, ids: readonly string[]): Model {
  if (model.view !== 'containers' || model.container !== null) {
    return { ...model, above: Math.max(0, model.above + step) };
  }
  const at = ids.indexOf(markedIn(model, ids) ?? '');
  return { ...model, marked: ids[Math.min(ids.length - 1, Math.max(0, at + step))] ?? null };
}

function next<T>(all: readonly T[], one: T, step: 1 | -1): T {
  return all[(all.indexOf(one) + step + all.length) % all.length] ?? one;
}
