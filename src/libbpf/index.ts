/** libbpf as TypeScript: the only folder that knows C. */
import { call } from './functions.ts';

export { Cells } from './cells.ts';
export { LibbpfError } from './errors.ts';
export type { BpfMap } from './map.ts';
export { BpfObject, LoadError } from './object.ts';
export type { BpfProgram } from './program.ts';
export { array, type Member, Struct, u8, u32, u64 } from './struct.ts';

/** The version of the libbpf that is loaded, such as `v1.1`. Throws when there is none. */
export function libbpfVersion(): string {
  return call('libbpf_version_string').value;
}
