/** OOM kills of containers at their start: all of them named, however many. */
import { testCrashLoop } from '../support/crash-loop.ts';

testCrashLoop(100);
