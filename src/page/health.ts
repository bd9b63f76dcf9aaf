/** Floatie's own health: a line while it is fine. */

import type { Readiness, Unmeasured } from '../program/health.ts';
import { type Html, html } from './html.ts';

export function healthOf({ ready, probes, failing = [] }: Readiness): Html {
  const missing = probes.filter(({ attached }) => !attached);
  const isFine = ready && missing.length === 0 && failing.length === 0;
  const state = isFine
    ? html`<span class="good">Floatie measures all that it was told to.</span>`
    : ready
      ? html`<span class="warn">Floatie measures, but not everything.</span>`
      : html`<span class="bad">Floatie is <strong>not</strong> measuring.</span>`;
  const problems = [
    ...missing.map(({ probe, reason = '' }) => html`<li>${probe} is not attached: ${reason}</li>`),
    ...failing.map(({ job, reason }) => html`<li>Cannot ${job}: ${reason}</li>`),
  ];
  const rows = probes.map(({ probe, attached, method, unmeasured = [], partly = [] }) => {
    const gaps = [gapsOf(unmeasured), partly.length === 0 ? '' : `in part: ${gapsOf(partly)}`];
    return html`<tr><th scope="row">${probe}</th><td>${attached ? 'attached' : 'not attached'}</td><td>${method}</td><td>${gaps.filter((gap) => gap !== '').join('; ')}</td></tr>`;
  });
  return html`<section id="health"><h2>Floatie itself</h2><p>${state}</p>${problems.length === 0 ? null : html`<ul class="plain">${problems}</ul>`}
<details id="probes"><summary>Probes, their methods, and what is not measured here</summary><div class="scroll" role="region" aria-label="Probes" tabindex="0"><table><thead><tr><th scope="col">Probe</th><th scope="col">State</th><th scope="col">Method</th><th scope="col">Not measured</th></tr></thead><tbody>${rows}</tbody></table></div></details></section>`;
}

function gapsOf(unmeasured: readonly Unmeasured[]): string {
  return unmeasured.map(({ ops, reason }) => `${ops.join(', ')}: ${reason}`).join('; ');
}
