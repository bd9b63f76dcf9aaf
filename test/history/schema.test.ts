import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { Ajv } from 'ajv';
import { API_SCHEMAS, apiSchemas } from '../../scripts/api-schemas.ts';
import { containersAnswer } from '../../src/history/answer.ts';
import { History } from '../../src/history/history.ts';
import { ANSWER } from '../support/containers-answer.ts';

suite('the JSON Schemas of the answers', () => {
  const schemas = apiSchemas();

  test('are those of the code (npm run docs writes them)', () => {
    const shipped = readdirSync(API_SCHEMAS).map((name) => [name, readFileSync(join(API_SCHEMAS, name), 'utf8')]);
    assert.deepEqual(new Map(shipped as [string, string][]), schemas);
  });

  const validate = new Ajv({ strict: true, strictTypes: false }).compile(
    JSON.parse(schemas.get('containers.json') ?? ''),
  );
  const problemsOf = (value: unknown): unknown => (validate(JSON.parse(JSON.stringify(value))) ? [] : validate.errors);

  test('hold for an answer before the first step', () => {
    assert.deepEqual(problemsOf(containersAnswer(new History())), []);
  });

  test('hold for the answer that tests of the page use', () => assert.deepEqual(problemsOf(ANSWER), []));

  test('do not hold for something else', () => assert.notDeepEqual(problemsOf({ containers: 1 }), []));
});
