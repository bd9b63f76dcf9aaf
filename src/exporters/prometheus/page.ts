/** The page at `/`, for people. */
import type { Readiness } from '../../program/health.ts';
import type { RecordSchema } from '../../records/schema.ts';

/** @param schemas of the records that are listed here */
export function page({ ready, probes, failing = [] }: Readiness, schemas: readonly RecordSchema[] = []): string {
  const rows = probes.map(
    ({ probe, attached, method, reason = '' }) =>
      `<tr><td>${escapeHtml(probe)}</td><td>${attached ? 'attached' : 'not attached'}</td><td>${escapeHtml(method)}</td><td>${escapeHtml(reason)}</td></tr>`,
  );
  const problems = failing.map(({ job, reason }) => `<li>Cannot ${escapeHtml(job)}: ${escapeHtml(reason)}</li>`);
  const lists = schemas.map(({ path, title }) => `<li><a href="${path}">${path}</a>: the last ${title}s</li>`);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Floatie</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:40rem;padding:0 1rem}td,th{padding:.2rem 1rem .2rem 0;text-align:left}</style></head>
<body>
<h1>Floatie</h1>
<p>Overlayfs latency, OOM kills and memory pressure of containers. ${ready ? 'It is measuring.' : 'It is <strong>not</strong> measuring.'}</p>
<table><tr><th>Probe</th><th>State</th><th>Method</th><th>Reason</th></tr>${rows.join('')}</table>
${problems.length > 0 ? `<ul>${problems.join('')}</ul>\n` : ''}<ul><li><a href="/metrics">/metrics</a></li>${lists.join('')}<li><a href="/readyz">/readyz</a></li><li><a href="/healthz">/healthz</a></li></ul>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
