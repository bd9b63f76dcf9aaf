/** The section `receivers.overlayfs` of the configuration. */
import { choice, setting, type ValuesOf } from '../../settings/setting.ts';
import { integer } from '../../settings/shapes.ts';
import { histogramSettings } from '../histogram-settings.ts';
import { chosen, DEFAULT_CHOICE } from './chosen.ts';

/** 1 µs, 2 µs, 4 µs … 0.52 s. */
const DEFAULT_BOUNDS_US = Array.from({ length: 20 }, (_, power) => 2 ** power);

export const settings = {
  attach: choice(
    'auto',
    ['auto', 'fentry', 'kprobe', 'syscall'],
    'How to attach to the kernel: "auto" takes the cheapest way that is exact here; "fentry" and "kprobe" attach to overlayfs\' own functions, "syscall" to the system calls that can be tied to files on overlayfs',
    { needsRestart: true },
  ),
  operations: setting(
    [...DEFAULT_CHOICE],
    chosen,
    'The measured operations, by the names of histograms; those of "metadata" can be named alone. What is left out is not attached',
    { needsRestart: true },
  ),
  causes: choice(
    'on',
    ['off', 'on'],
    'Whether to tell apart what operations sleep for, by programs that the kernel runs at each switch of tasks; without, only the CPU, its run queue and all else are told apart',
    { needsRestart: true },
  ),
  ...histogramSettings(DEFAULT_BOUNDS_US),
  slow_ms: setting(
    100,
    integer(0, 3_600_000),
    'How long an operation takes, in ms, that gets a record in the log, at /slow and over OTLP; 0 makes none. At most ten a second of each cgroup are recorded',
    { needsRestart: true },
  ),
  slow_paths: choice(
    'full',
    ['full', 'directory', 'off'],
    'What records of slow operations tell of paths: all, the directory alone, or nothing',
  ),
};

export type OverlayfsSettings = ValuesOf<typeof settings>;
