import { WINDOWS, type Window } from '../../kernel/psi.ts';
import { setting } from '../../settings/setting.ts';
import { integer, oneOf } from '../../settings/shapes.ts';
import type { Settings } from '../receiver.ts';

export interface PressureSettings {
  window: Window;
  max_containers: number;
}

export const settings: Settings<PressureSettings> = {
  window: setting<Window>(
    'avg10',
    oneOf(...WINDOWS),
    'The kernel\'s average on which the score is based: "avg10", "avg60" or "avg300", in seconds',
  ),
  max_containers: setting(
    1000,
    integer(1, 65536),
    'How many containers have a score and a headroom; floatie_pressure_containers_left_out is the number of all others',
  ),
};
