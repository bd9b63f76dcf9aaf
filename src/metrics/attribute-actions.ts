/** The actions of an `attributes` processor, as in the collector's attributesprocessor. */
import type { Attributes } from '@opentelemetry/api';

export interface AttributeAction {
  readonly key: string;
  readonly action: 'insert' | 'update' | 'upsert' | 'delete';
  readonly value?: string;
  readonly from_attribute?: string;
}

/** Applies the actions in order, each to the result of the one before. */
export function applyActions(attributes: Attributes, actions: readonly AttributeAction[]): Attributes {
  const result = { ...attributes };
  for (const { key, action, value: constant, from_attribute: from } of actions) {
    const value = from === undefined ? constant : Object.hasOwn(result, from) ? result[from] : undefined;
    const isThere = Object.hasOwn(result, key);
    if (action === 'delete') delete result[key];
    else if (value !== undefined && (action === 'upsert' || isThere === (action === 'update'))) result[key] = value;
  }
  return result;
}
