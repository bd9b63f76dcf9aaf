import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseTarget } from '../../src/exporters/target.ts';

suite('the target of a request', () => {
  for (const [url, path, host] of [
    ['/', '/', null],
    ['/metrics', '/metrics', null],
    ['/metrics?', '/metrics', null],
    ['/oom?limit=1&a=http://b/', '/oom', null],
    ['/metrics/', '/metrics/', null],
    // A path that begins so is no host: it is another path, where nothing is.
    ['//metrics', '//metrics', null],
    ['//host/metrics', '//host/metrics', null],
    ['http://host/metrics', '/metrics', 'host'],
    ['http://host:9090/metrics?a=b', '/metrics', 'host:9090'],
    ['HTTPS://[::1]:9090/readyz', '/readyz', '[::1]:9090'],
    ['http://host', '/', 'host'],
    ['http://host/', '/', 'host'],
    ['http://host?a=/metrics', '/', 'host'],
    ['http://host//metrics', '//metrics', 'host'],
    ['http://user:password@host/metrics', '/metrics', 'user:password@host'],
    ['http:///metrics', 'http:///metrics', null],
    ['ftp://host/metrics', 'ftp://host/metrics', null],
    ['metrics', 'metrics', null],
    ['*', '*', null],
  ] as const) {
    test(`${url} asks for ${path}`, () => {
      const { query: _, ...target } = parseTarget(url);
      assert.deepEqual(target, { path, host });
    });
  }

  for (const [url, query] of [
    ['/oom', ''],
    ['/oom?', ''],
    ['/oom?limit=1', 'limit=1'],
    ['/oom?limit=1?2', 'limit=1?2'],
    ['http://host/oom?limit=1', 'limit=1'],
    ['http://host?limit=1', 'limit=1'],
  ] as const) {
    test(`${url} has the query "${query}"`, () => assert.equal(parseTarget(url).query, query));
  }
});
