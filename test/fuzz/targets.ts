/** Everything that reads what others write, by the name of its folder of inputs. */
import type { Target } from './fuzzer.ts';
import { cgroupTree } from './targets/cgroup-tree.ts';
import { config } from './targets/config.ts';
import { http } from './targets/http.ts';
import { kmsg } from './targets/kmsg.ts';
import { otlpAnswer } from './targets/otlp-answer.ts';
import { ringBuffer } from './targets/ring-buffer.ts';
import { runtimeFiles } from './targets/runtime-files.ts';

export const TARGETS: Readonly<Record<string, Target>> = {
  'ring-buffer': ringBuffer,
  kmsg,
  'otlp-answer': otlpAnswer,
  http,
  config,
  'runtime-files': runtimeFiles,
  'cgroup-tree': cgroupTree,
};
