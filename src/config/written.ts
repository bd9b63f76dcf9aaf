/** Parses the value of a setting from one line, behind `--set KEY=` or in a variable. */
import type { SchemaObj } from 'convict';
import { shapeOf } from '../settings/setting.ts';
import { settingOf } from './keys.ts';
import { readScalar } from './substitution.ts';

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$|^0x[\da-f]+$/i;

/** Texts are taken as they are, also where YAML would see a comment or an alias; lists and mappings are YAML. */
export function readWritten(text: string, key: string): unknown {
  const setting = settingOf(key);
  const { default: value } = setting;
  const word = text.trim();
  const { enum: words = [] } = shapeOf(setting).json as { enum?: readonly unknown[] };
  const isSwitch = typeof value === 'boolean' || words.includes(true);
  if (isSwitch && /^(true|false)$/i.test(word)) return word.toLowerCase() === 'true';
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return text;
    case 'number':
      return NUMBER.test(word) ? Number(word) : text;
    default:
      return Array.isArray(value) && !word.startsWith('[') ? readList(text, setting) : readScalar(text);
  }
}

/** `1,2,3`. */
function readList(text: string, setting: SchemaObj): unknown {
  const list = readScalar(`[${text}]`);
  if (Array.isArray(list)) return list;
  const { items } = shapeOf(setting).json as { items?: { type?: string } };
  return items?.type === 'string' ? text.split(',').map((item) => item.trim()) : text;
}
