import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { labelName, labelsOf } from '../../src/metrics/labels.ts';

suite('the label of an attribute', () => {
  const rows: [attribute: string, label: string][] = [
    ['host.name', 'host_name'],
    ['host_name', 'host_name'],
    ['k8s.pod.uid', 'k8s_pod_uid'],
    ['a--b..c', 'a_b_c'],
    ['9lives', 'key_9lives'],
    ['_private', '_private'],
    ['__name__', '_name_'],
    ['le', 'exported_le'],
    ['quantile', 'exported_quantile'],
    ['.le', '_le'],
    ['LE', 'LE'],
    ['größe', 'gr_e'],
    ['容器', '_'],
    ['a b\n"c"{}', 'a_b_c_'],
    ['', '_'],
  ];
  for (const [attribute, label] of rows) {
    test(`"${attribute}" is "${label}"`, () => assert.equal(labelName(attribute), label));
  }
});

suite('attributes', () => {
  test('that share a label are one, with their values in the order of their names', () => {
    assert.deepEqual(labelsOf({ host_name: 'a', op: 'read', 'host.name': 'b', 'host-name': 'c' }), {
      host_name: 'c;b;a',
      op: 'read',
    });
  });

  test('that are no texts are written as JSON', () => {
    assert.deepEqual(labelsOf({ a: true, b: ['x', 'y'], c: 1 }), { a: 'true', b: '["x","y"]', c: '1' });
  });

  test('with half a character have a whole one for it', () =>
    assert.deepEqual(labelsOf({ a: 'x\ud800' }), { a: 'x\ufffd' }));

  test('called as what JavaScript has of its own are labels like any other', () => {
    const labels = labelsOf(JSON.parse('{"__proto__": "a", "constructor": "b"}'));
    assert.deepEqual(Object.entries(labels), [
      ['_proto_', 'a'],
      ['constructor', 'b'],
    ]);
  });
});
