import { WINDOWS } from '../../kernel/psi.ts';
import { choice, setting, type ValuesOf } from '../../settings/setting.ts';
import { integer } from '../../settings/shapes.ts';

export const settings = {
  window: choice(
    'avg10',
    WINDOWS,
    'The kernel\'s average on which the score is based: "avg10", "avg60" or "avg300", in seconds',
  ),
  max_containers: setting(
    1000,
    integer(1, 65536),
    'How many containers have a score and a headroom; floatie_pressure_containers_left_out is the number of all others',
  ),
};

export type PressureSettings = ValuesOf<typeof settings>;
