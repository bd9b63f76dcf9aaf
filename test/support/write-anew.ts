import { rmSync, writeFileSync } from 'node:fs';

/** A new file at this path: ext4 writes one that was truncated to the disk when it is closed, and keeps the writer waiting. */
export function writeAnew(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text);
}
