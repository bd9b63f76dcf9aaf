/** Floatie's version, from its package.json. */
import { readPackaged } from './packaged.ts';

const manifest = JSON.parse(readPackaged('package.json')) as { version: string };

export const version = manifest.version;
