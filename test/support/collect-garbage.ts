/** Loaded into a Floatie by `NODE_OPTIONS=--import`: SIGUSR2 makes it return all unused memory to the kernel. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DataType, load, open } from 'ffi-rs';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options: object) => void;
open({ library: 'malloc', path: 'libc.so.6' });

process.on('SIGUSR2', () => {
  // After an ordinary collection V8 keeps free pages for some seconds.
  collectGarbage({ type: 'major', flavor: 'last-resort' });
  // malloc keeps freed memory.
  const paramsType = [DataType.I64];
  load({ library: 'malloc', funcName: 'malloc_trim', retType: DataType.I32, paramsType, paramsValue: [0] });
});
