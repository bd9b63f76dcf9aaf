/** Reads files that may vanish or be forbidden, such as those in /proc. */
import { type PathLike, readFileSync, readlinkSync } from 'node:fs';

/** The text of a file; null if it is missing or forbidden. */
export function readOrNull(path: PathLike): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** The target of a symbolic link; null if it is missing or forbidden. */
export function linkOrNull(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
