import { setting, type ValuesOf } from '../../settings/setting.ts';
import { integer } from '../../settings/shapes.ts';
import { ringBytes } from '../ring-bytes.ts';

export const settings = {
  max_series: setting(1000, integer(1, 100_000), 'How many series of killers are kept; the most recent ones stay'),
  retain_ms: setting(
    86_400_000,
    integer(60_000, 31_536_000_000),
    'How long a series of killers is kept after its last kill, in ms',
  ),
  ring_bytes: setting(
    262_144,
    ringBytes,
    'Size of the ring buffer for the details of kills, in bytes, a power of two; kills without room are counted under killer="unknown"',
    { needsRestart: true },
  ),
};

export type KillsSettings = ValuesOf<typeof settings>;
