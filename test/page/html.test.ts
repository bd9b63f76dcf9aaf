import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { html } from '../../src/page/html.ts';

suite('what is put into HTML', () => {
  const rows: [what: string, part: Parameters<typeof html>[1], text: string][] = [
    ['is text where it is text', '<b a="1">&\'', '&#60;b a=&#34;1&#34;&#62;&#38;&#39;'],
    ['is HTML where it is HTML', html`<b>${'<'}</b>`, '<b>&#60;</b>'],
    ['is a number', 1.5, '1.5'],
    ['is nothing', null, ''],
    ['is each of a list', [html`<i>`, '<', 1, null, [2]], '<i>&#60;12'],
    ['shows what would turn the text around', 'a\u202eb', 'a\\u202eb'],
    ['shows control characters', '\u001b[2J\n', '\\u001b[2J\\u000a'],
    ['leaves names in any script', 'контейнер 容器', 'контейнер 容器'],
  ];
  for (const [what, part, text] of rows) {
    test(what, () => assert.equal(html`(${part})`.text, `(${text})`));
  }

  test('stays text in an attribute', () => {
    assert.equal(html`<a title="${'" onclick="x'}">`.text, '<a title="&#34; onclick=&#34;x">');
  });
});
