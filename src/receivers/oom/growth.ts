/** Tells a leak from a burst, by the usage before a kill. */
import { growthOver, type Past } from '../../history/usages.ts';

type Points = Past['points'];

const S = 1000;
/** A burst is over within this time, for samples that are a step of ten seconds apart. */
const [BURST_MS, MAX_BURST_MS] = [5 * S, 25 * S];
/** It takes this share of the limit; where nothing is known of before, that one. */
const [BURST_SHARE, ALONE_SHARE] = [0.25, 0.5];
/** It grows this many times as fast as before. */
const TIMES = 4;
/** A leak is seen over this time at least. */
const LEAK_MS = 30 * S;
/** It takes this share of the limit in that time, in three parts, each of which has at least and at most these shares. */
const LEAK_SHARE = 0.2;
const PARTS = 3;
const [LEAST, MOST] = [0.15, 0.6];

/** The sentence where usage jumped, else null. @param points as of {@link Past} */
export function explainBurst(points: Points, usageBytes: number, limitBytes: number): string | null {
  // A container that is younger was empty before.
  const last = growthOver({ points }, usageBytes, Math.min(BURST_MS, points[0]?.agoMs ?? 0));
  if (last === undefined || last.overS * S > MAX_BURST_MS) return null;
  const grown = usageBytes - last.fromBytes;
  const [first] = points.filter(({ agoMs }) => agoMs >= last.overS * S + 2 * BURST_MS);
  if (grown < (first === undefined ? ALONE_SHARE : BURST_SHARE) * limitBytes) return null;
  const sentence = `Usage jumped from ${size(last.fromBytes)} to ${size(usageBytes)} within ${seconds(last.overS)}`;
  if (first === undefined) return sentence;
  const beforeS = first.agoMs / S - last.overS;
  const before = (last.fromBytes - first.bytes) / beforeS;
  if (last.bytesPerS < TIMES * before) return null;
  return `${sentence}, by ${rate(last.bytesPerS)}; in the ${seconds(beforeS)} before, it ${changed(before)}`;
}

/** The sentence where usage grew steadily, else null. */
export function explainLeak(points: Points, usageBytes: number, limitBytes: number): string | null {
  const [first] = points;
  if (first === undefined || first.agoMs < LEAK_MS) return null;
  const grown = usageBytes - first.bytes;
  if (grown < LEAK_SHARE * limitBytes) return null;
  const marks = Array.from({ length: PARTS + 1 }, (_, part) =>
    part === PARTS
      ? usageBytes
      : usageAt([...points, { agoMs: 0, bytes: usageBytes }], first.agoMs * (1 - part / PARTS)),
  );
  for (let part = 0; part < PARTS; part++) {
    const share = ((marks[part + 1] ?? 0) - (marks[part] ?? 0)) / grown;
    if (share < LEAST || share > MOST) return null;
  }
  const overS = first.agoMs / S;
  return `Usage grew steadily for ${seconds(overS)}, by ${rate(grown / overS)}, from ${size(first.bytes)} to ${size(usageBytes)}`;
}

/** Between two samples, as if it had grown evenly. */
function usageAt(points: Points, agoMs: number): number {
  const after = points.findIndex((point) => point.agoMs <= agoMs);
  const [a, b] = [points[after - 1], points[after]];
  if (a === undefined || b === undefined) return b?.bytes ?? 0;
  return b.bytes + ((a.bytes - b.bytes) * (agoMs - b.agoMs)) / Math.max(a.agoMs - b.agoMs, 1);
}

function changed(bytesPerS: number): string {
  return Math.abs(bytesPerS) < 1024
    ? 'did not change'
    : `${bytesPerS < 0 ? 'fell' : 'grew'} by ${rate(Math.abs(bytesPerS))}`;
}

function seconds(value: number): string {
  return `${Math.round(value)} s`;
}

function rate(bytesPerS: number): string {
  return bytesPerS < 1 << 20 ? `${(bytesPerS / 1024).toFixed(0)} KiB/s` : `${size(bytesPerS)}/s`;
}

export function size(bytes: number): string {
  const mebibytes = bytes / (1 << 20);
  return mebibytes < 1024 ? `${mebibytes.toFixed(1)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
