import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { page } from '../../../src/exporters/prometheus/page.ts';
import { OOM_KILL } from '../../../src/receivers/oom/record-schema.ts';

suite('the page for people', () => {
  test('says that Floatie measures', () => {
    const text = page({ ready: true, probes: [{ probe: 'overlayfs', attached: true, method: 'syscall' }] });
    assert.match(text, /It is measuring.*<td>overlayfs<\/td><td>attached<\/td><td>syscall<\/td>/s);
  });

  test('says that it does not, and why', () => {
    const text = page({
      ready: false,
      probes: [{ probe: 'overlayfs', attached: false, method: 'none', reason: 'no BTF' }],
    });
    assert.match(text, /<strong>not<\/strong> measuring.*<td>not attached<\/td><td>none<\/td><td>no BTF<\/td>/s);
  });

  test('leads to the lists of records', () => {
    const text = page({ ready: true, probes: [] }, [OOM_KILL]);
    assert.ok(text.includes('<li><a href="/oom">/oom</a>: the last OOM kills</li>'));
  });

  test('shows a reason as text, whatever is in it', () => {
    const reason = `<script>alert("1")</script> & 'more'`;
    const text = page({ ready: false, probes: [{ probe: 'x', attached: false, method: 'none', reason }] });
    assert.ok(text.includes('<td>&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62; &#38; &#39;more&#39;</td>'));
  });
});
