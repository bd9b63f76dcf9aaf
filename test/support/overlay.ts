/** A real overlay mount in a temporary folder, unmounted when it is disposed of. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Overlay {
  /** The mount point, with the merged files. */
  readonly path: string;
  [Symbol.dispose](): void;
}

/**
 * @param lower the lower folder; a new empty one by default
 * @param place the folder for the upper layer
 * @param more further options of the mount
 */
export function mountOverlay(lower?: string, place = tmpdir(), more: readonly string[] = []): Overlay {
  const base = mkdtempSync(join(place, 'floatie-overlay-'));
  const folder = (name: string): string => {
    const path = join(base, name);
    mkdirSync(path);
    return path;
  };
  const path = folder('merged');
  const layers = `lowerdir=${lower ?? folder('lower')},upperdir=${folder('upper')},workdir=${folder('work')}`;
  execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', [layers, ...more].join(','), path]);
  return {
    path,
    [Symbol.dispose]() {
      execFileSync('umount', [path]);
      rmSync(base, { recursive: true });
    },
  };
}
