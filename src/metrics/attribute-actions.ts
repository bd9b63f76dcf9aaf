/** What an `attributes` processor does to the attributes of a point, as the collector's of that name does. */
import type { Attributes } from '@opentelemetry/api';

/** As the collector's attributesprocessor has them. */
export interface AttributeAction {
  readonly key: string;
  readonly action: 'insert' | 'update' | 'upsert' | 'delete';
  readonly value?: string;
  readonly from_attribute?: string;
}

/** The actions one after the other, each on what those before it left. */
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
