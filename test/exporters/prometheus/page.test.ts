import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { page } from '../../../src/exporters/prometheus/page.ts';
import type { Readiness } from '../../../src/program/health.ts';
import { ANSWER, HOSTILE } from '../../support/containers-answer.ts';
import { oomRecord } from '../../support/records.ts';

const READY: Readiness = { ready: true, probes: [{ probe: 'overlayfs', attached: true, method: 'syscall' }] };
const NONE = new Map();

suite('the page for people, before any script', () => {
  test('says that Floatie measures', () => {
    const text = page(READY, NONE, null);
    assert.match(text, /measures all.*<th scope="row">overlayfs<\/th><td>attached<\/td><td>syscall<\/td>/s);
  });

  test('says that it does not, and why', () => {
    const probes = [{ probe: 'overlayfs', attached: false, method: 'none', reason: 'no BTF' }];
    const text = page({ ready: false, probes }, NONE, null);
    assert.match(text, /<strong>not<\/strong> measuring.*<li>overlayfs is not attached: no BTF<\/li>/s);
  });

  test('leads to the lists of records, and shows their last ones as sentences', () => {
    const record = oomRecord({ 'victim.comm': 'tail', explanation: 'Its limit was full' } as never);
    const text = page(READY, new Map([['/oom', [record]]]), ANSWER);
    assert.ok(text.includes('<a href="/oom">/oom</a>'));
    assert.match(text, /ago<\/time> · tail was killed. Its limit was full<\/li>/);
  });

  test('has a table of the containers, worst first', () => {
    const names = [...page(READY, NONE, ANSWER).matchAll(/<th scope="row">([^<]+)/g)].map(([, name]) => name?.trim());
    assert.deepEqual(names.slice(0, 2), ['killed', 'web-1']);
  });

  test('shows reasons and names as text, whatever is in them', () => {
    const reason = `<script>alert("1")</script> & 'more'`;
    const text = page(
      { ready: false, probes: [{ probe: 'x', attached: false, method: 'none', reason }] },
      NONE,
      ANSWER,
    );
    assert.ok(text.includes('&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;more&#39;'));
    assert.ok(
      !text.includes(HOSTILE) && !text.includes('<img') && !text.includes('\u202e') && !text.includes('\u001b'),
    );
  });
});
