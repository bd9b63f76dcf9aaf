import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { parseTarget } from '../../../src/exporters/prometheus/target.ts';

suite('the target of a request', () => {
  for (const [url, path] of [
    ['/', '/'],
    ['/metrics', '/metrics'],
    ['/metrics?', '/metrics'],
    ['/oom?limit=1&a=http://b/', '/oom'],
    ['/metrics/', '/metrics'],
    ['/metrics/?a=b', '/metrics'],
    ['/metrics//', '/metrics//'],
    ['//', '//'],
    // A path that begins so is no host: it is another path, where nothing is.
    ['//metrics', '//metrics'],
    ['//host/metrics', '//host/metrics'],
    ['http://host/metrics', '/metrics'],
    ['http://host:9090/metrics?a=b', '/metrics'],
    ['HTTPS://[::1]:9090/readyz', '/readyz'],
    ['http://host', '/'],
    ['http://host/', '/'],
    ['http://host?a=/metrics', '/'],
    ['http://host//metrics', '//metrics'],
    ['http://user:password@host/metrics', '/metrics'],
    ['http:///metrics', 'http:///metrics'],
    ['ftp://host/metrics', 'ftp://host/metrics'],
    ['metrics', 'metrics'],
    ['*', '*'],
  ] as const) {
    test(`${url} asks for ${path}`, () => assert.equal(parseTarget(url).path, path));
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
