/** `floatie doctor`: whether Floatie would start here, how it would attach, and the cure for each problem. */
import type { Config } from '../config/schema.ts';
import { type Check, type Finding, finding } from '../program/check.ts';
import { wantsColours } from '../program/log-lines.ts';
import { reasonOf } from '../program/reason.ts';
import { causeIn } from '../program/refusal.ts';
import type { Call } from './command.ts';
import { checkFiles, loadTelling } from './configuration.ts';
import { linesOf } from './doctor/checks.ts';
import { type Examination, examine, methodOf } from './doctor/examine.ts';
import { exporters } from './doctor/network-checks.ts';
import { render } from './doctor/render.ts';

/** @returns whether Floatie would start */
export async function execute({ sources, json }: Call): Promise<boolean> {
  const config = loadTelling(sources);
  await checkFiles(config);
  const checks = await diagnose(config);
  process.stdout.write(json ? `${JSON.stringify(checks, null, 2)}\n` : render(checks, wantsColours(1)));
  return checks.every(({ verdict }) => verdict !== 'fail');
}

/** The last check is the sum: it fails when any check fails. */
export async function diagnose(config: Config): Promise<Check[]> {
  if (config.inherited.isDisabled) {
    const reason = 'Floatie would start, and measure nothing: OTEL_SDK_DISABLED is true';
    return [{ name: 'start', ...finding('warn', reason, 'unset OTEL_SDK_DISABLED') }];
  }
  const examination = await examine(config);
  const checks = [
    ...Object.entries(linesOf(examination)).map(([name, look]) => ({ name, ...findingOr(look) })),
    ...(await exporters(config)),
  ];
  return [...checks, summary(examination, checks)];
}

/** A check that throws does not stop the others. */
function findingOr(look: () => Finding): Finding {
  try {
    return look();
  } catch (error) {
    return finding('unknown', reasonOf(error));
  }
}

function summary(examination: Examination, checks: readonly Check[]): Check {
  const { receivers } = examination;
  const failed = checks.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
  if ('error' in receivers) {
    const { why, cure } = causeIn(receivers.error);
    return { name: 'start', ...finding('fail', `Floatie would not start: ${why}`, cure) };
  }
  if (failed.length > 0) return { name: 'start', ...finding('fail', `Floatie would not start: ${failed.join(', ')}`) };
  const probes = receivers.value.map(({ probe }) => {
    const method = methodOf(probe, examination);
    return method === null ? `${probe} not attached` : `${probe} by ${method}`;
  });
  return { name: 'start', verdict: 'ok', reason: `Floatie would start: ${probes.join(', ')}` };
}
