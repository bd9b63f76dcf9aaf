/** Loaded into a Floatie (`NODE_OPTIONS=--import`): a SIGUSR2 makes it collect its garbage. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
process.on('SIGUSR2', collectGarbage);
