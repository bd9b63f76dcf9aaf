/** The page's frame, around what it shows at once: a table, also where no script runs. */
import { type Html, html } from './html.ts';

/** All is Floatie's own: nothing is asked of another host, and no text becomes code or style. */
export const SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** @param sources the paths of what the page shows, as JSON */
export function document(content: Html, sources: readonly string[]): string {
  const links = ['/metrics', ...sources, '/healthz'];
  return `<!doctype html>
${html`<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Floatie</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css"><script src="/page.js" defer></script></head>
<body>
<header><h1>Floatie</h1><p>Why a container’s disk is slow, and who was killed when memory ran out.</p><p id="state" role="status"></p></header>
<form class="controls" id="controls" role="search" hidden><label>Filter by name <input id="filter" type="search" autocomplete="off" maxlength="200"></label></form>
<main id="main" data-sources="${sources.join(' ')}">${content}</main>
<footer><ul>${links.map((path) => html`<li><a href="${path}">${path}</a></li>`)}</ul></footer>
</body>
</html>`}
`;
}
