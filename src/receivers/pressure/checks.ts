/** The doctor's check of memory pressure. */
import { findV2Mount } from '../../containers/hierarchy.ts';
import { type PressureError, readPressure } from '../../kernel/psi.ts';
import { type Finding, finding, ok } from '../../program/check.ts';
import type { Checks, Examination } from '../checks.ts';
import type { PressureSettings } from './settings.ts';

export function checks({ isWanted }: Examination<PressureSettings>): Checks {
  return { receiver: { pressure: () => pressure(isWanted) } };
}

function pressure(isWanted: boolean): Finding {
  try {
    const { some } = readPressure('/proc/pressure/memory');
    const containers = findV2Mount() === null ? ', not of containers, which takes cgroup v2' : ', and of containers';
    return ok(`of the host (tasks waited ${some.avg60} % of the last minute)${containers}`);
  } catch (error) {
    const { message, reason } = error as PressureError;
    const cure = reason === 'forbidden' ? 'allow it to read /proc/pressure' : 'boot the kernel with psi=1';
    const isOff = reason === 'missing' || reason === 'disabled';
    const why = isOff ? 'the kernel is built without CONFIG_PSI=y, or booted without psi=1' : message;
    return finding(isWanted ? 'warn' : 'unneeded', why, cure);
  }
}
