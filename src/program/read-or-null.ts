/** What is read from /proc and its like, where files vanish, and belong to others. */
import { readFileSync, readlinkSync } from 'node:fs';

/** The text of a file; null where there is none, or this process may not read it. */
export function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Where a symbolic link points to; null where there is none, or this process may not look. */
export function linkOrNull(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
