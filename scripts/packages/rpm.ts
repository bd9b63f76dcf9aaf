/** Makes an .rpm of the files of a package, by packaging/floatie.spec. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Made } from './deb.ts';

/** Folders that every system has. A package owns its others, since rpm removes no folder that nobody owns. */
const OF_SYSTEM = new Set([
  ...['/', '/etc', '/usr', '/usr/bin', '/usr/lib', '/usr/lib/systemd', '/usr/lib/systemd/system', '/usr/share'],
  ...['/usr/share/doc', '/usr/share/man', '/usr/share/man/man1'],
]);

function foldersOf(path: string): string[] {
  const folder = dirname(path);
  return folder === '/' ? [] : [...foldersOf(folder), folder];
}

/** @returns the path of the package, in the folder `out` */
export function makeRpm({ arch, version, description, maintainer, root, files, epoch }: Made, out: string): string {
  const architecture = arch === 'x64' ? 'x86_64' : 'aarch64';
  const list = `${root}.rpm-files`;
  const lines = files.map(({ path, mode, isConfig }) => {
    const kind = isConfig ? '%config(noreplace) ' : '';
    return `${kind}%attr(${mode.toString(8)}, root, root) ${path}\n`;
  });
  const folders = [...new Set(files.flatMap(({ path }) => foldersOf(path)))].filter((path) => !OF_SYSTEM.has(path));
  writeFileSync(list, [...folders.map((path) => `%dir %attr(755, root, root) ${path}\n`), ...lines].join(''));
  const definitions = {
    ...{ given_version: version, given_description: description, given_packager: maintainer },
    ...{ given_root: resolve(root), given_files: resolve(list) },
    ...{ _topdir: resolve(`${root}.rpm`), _rpmdir: resolve(out) },
  };
  execFileSync(
    'rpmbuild',
    [
      ...['-bb', '--quiet', '--target', `${architecture}-linux`],
      ...Object.entries(definitions).flatMap(([name, value]) => ['--define', `${name} ${value}`]),
      'packaging/floatie.spec',
    ],
    { env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) }, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  return join(out, `floatie-${version}-1.${architecture}.rpm`);
}
