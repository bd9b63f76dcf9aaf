/** The verifier's log, shortened to the line that says what was wrong. */

const NOISE = [
  /^processed \d+ insns/,
  /^verification time/,
  /^stack depth/,
  /^\d+: \(/, // an instruction
  /^; /, // a source line
  /^(from )?\d+( to \d+)?: ?R\d+/, // register states
  /^R\d+(_\w+)?=/,
  /^(func|last_idx|regs=|parent |Live regs|mark_precise|max_states|BEGIN|END)/,
];

/**
 * The last line of a verifier log that is neither an instruction, nor a register state, nor a statistic:
 * the one with the reason. An empty string when there is none.
 */
export function lastUsefulLine(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.findLast((line) => !NOISE.some((noise) => noise.test(line))) ?? '';
}

/** The text in a buffer that C filled, up to its NUL. */
export function textOf(buffer: Buffer): string {
  const end = buffer.indexOf(0);
  return buffer.toString('utf8', 0, end < 0 ? buffer.length : end);
}
