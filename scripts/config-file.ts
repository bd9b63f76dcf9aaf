/**
 * Adds to config/floatie.yaml the receivers that it lacks, each key with the sentence of its declaration and its default:
 * `npm run docs`. Better words are then written by hand, and stay.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { SchemaObj } from 'convict';
import { parse } from 'yaml';
import { receiverNames, receivers } from '../src/receivers/index.ts';

export const CONFIG_FILE = fileURLToPath(new URL('../config/floatie.yaml', import.meta.url));

/** What comes behind the receivers in the file. */
const END = /(?<=^receivers:\n(?:(?: .*)?\n)*?)(?=\n(?:#.*\n)*[a-z]+:)/m;

export function configFile(text = readFileSync(CONFIG_FILE, 'utf8')): string {
  const known = (parse(text) as { readonly receivers: object }).receivers;
  const missing = receivers.filter(({ name }) => !Object.hasOwn(known, name));
  const sections = missing.map(({ name, settings }) => `\n  ${name}:\n${keysOf(settings)}`);
  const pipeline = `receivers: [${receiverNames.join(', ')}]`;
  return text.replace(END, sections.join('')).replace(/(?<=^ +)receivers: \[.*\]$/m, pipeline);
}

function keysOf(settings: Readonly<Record<string, SchemaObj>>): string {
  return Object.entries(settings)
    .map(([key, { doc, default: value }]) => `    # ${doc}.\n    ${key}: ${JSON.stringify(value)}\n`)
    .join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(CONFIG_FILE, configFile());
