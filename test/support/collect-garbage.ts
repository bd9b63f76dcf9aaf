/** Loaded into a Floatie (`NODE_OPTIONS=--import`): a SIGUSR2 makes it give back all the memory that it does not use. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DataType, load, open } from 'ffi-rs';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as (options: object) => void;
open({ library: 'malloc', path: 'libc.so.6' });

process.on('SIGUSR2', () => {
  // An ordinary collection leaves free pages to V8, which gives them back some seconds later.
  collectGarbage({ type: 'major', flavor: 'last-resort' });
  // What was freed, malloc keeps for later.
  const paramsType = [DataType.I64];
  load({ library: 'malloc', funcName: 'malloc_trim', retType: DataType.I32, paramsType, paramsValue: [0] });
});
