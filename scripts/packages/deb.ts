/** Makes a .deb of the files of a package. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Arch } from '../single/target.ts';
import type { PackageFile } from './root.ts';

const SCRIPTS = ['postinst', 'prerm', 'postrm'];

export interface Made {
  readonly arch: Arch;
  readonly version: string;
  readonly description: string;
  /** A name with an address, such as `Jane Doe <jane@example.com>`. */
  readonly maintainer: string;
  /** The folder that has the files as they lie below /, and room beside it. */
  readonly root: string;
  readonly files: readonly PackageFile[];
  /** The time of everything in it, in s since 1970. */
  readonly epoch: number;
}

/** @returns the path of the package, in the folder `out` */
export function makeDeb({ arch, version, description, maintainer, root, files, epoch }: Made, out: string): string {
  const architecture = arch === 'x64' ? 'amd64' : 'arm64';
  const work = `${root}.deb`;
  cpSync(root, work, { recursive: true, preserveTimestamps: true });
  mkdirSync(join(work, 'DEBIAN'));
  const kilobytes = files.reduce((sum, { path }) => sum + Math.ceil(statSync(join(root, path)).size / 1024), 0);
  const fields = {
    Package: 'floatie',
    Version: version,
    Architecture: architecture,
    Maintainer: maintainer,
    'Installed-Size': kilobytes,
    Depends: 'libc6 (>= 2.28), libgcc-s1 | libgcc1, libstdc++6 (>= 8)',
    Section: 'admin',
    Priority: 'optional',
    Description: description,
  };
  const control = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`);
  writeFileSync(join(work, 'DEBIAN/control'), control.join(''));
  const kept = files.filter(({ isConfig }) => isConfig).map(({ path }) => `${path}\n`);
  writeFileSync(join(work, 'DEBIAN/conffiles'), kept.join(''));
  for (const name of SCRIPTS) copyFileSync(join('packaging/deb', name), join(work, 'DEBIAN', name));
  const path = join(out, `floatie_${version}_${architecture}.deb`);
  // xz of one thread: what several of them write depends on their number.
  const xz = ['-Zxz', '-z0', '--threads-max=1'];
  const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
  execFileSync('dpkg-deb', ['--root-owner-group', ...xz, '--build', work, path], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return path;
}
