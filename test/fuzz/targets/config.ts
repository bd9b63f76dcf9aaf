/** Configurations: the file, and settings on the command line. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keys } from '../../../src/config/keys.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { outcomeOf, ownKeys } from '../../support/config-outcome.ts';
import { folder } from '../../support/peers.ts';
import type { Running, Target } from '../fuzzer.ts';

export const config: Target = {
  words: [
    ...keys,
    ...keys.flatMap((key) => `${key.split('.').at(-1)}: `),
    ...[
      '\n',
      '\n  ',
      '\n    ',
      ': ',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '#',
      '&a ',
      '*a',
      '<<: ',
      '!!',
      '|',
      '>',
      '? ',
      '${env:',
    ],
    ...['otlp/eu', 'prometheus/b', '__proto__', 'null', '~', '.inf', '0x10', '1e999', '-1', '\t', '\xef\xbb\xbf'],
  ],
  open,
};

function open(): Running {
  const home = folder();
  const file = join(home.path, 'config.yaml');
  const pristine = ownKeys();
  return {
    check(input) {
      writeFileSync(file, input);
      const outcome = outcomeOf({ file, env: {}, set: [] });
      if (Array.isArray(outcome)) assert.ok(outcome.length > 0 && outcome.every((problem) => problem !== ''));
      const text = input.toString();
      const set = keys.map((key) => `${key}=${text.slice(0, 100)}`).slice(0, 5);
      outcomeOf({ env: {}, set });
      assert.deepEqual(ownKeys(), pristine);
      loadConfig({ env: {}, set: [] });
    },
    async [Symbol.asyncDispose]() {
      home[Symbol.dispose]();
    },
  };
}
