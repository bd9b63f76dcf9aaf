/** The files of a package, in a folder as they lie below /. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

export interface PackageFile {
  /** From the root, beginning with a slash. */
  readonly path: string;
  readonly mode: number;
  /** Configuration is kept when a package is upgraded, where somebody has changed it. */
  readonly isConfig: boolean;
}

interface Source extends PackageFile {
  readonly content: string | Buffer | { readonly copyOf: string };
}

const UNITS = '/usr/lib/systemd/system';
const DOC = '/usr/share/doc/floatie';

/**
 * @param executable the single executable
 * @param licenses of everything in it
 * @param sbom the bill of its materials
 * @param epoch the time of all files, in s since 1970
 */
export function writeRoot(
  root: string,
  from: { readonly executable: string; readonly licenses: string; readonly sbom: string },
  epoch: number,
): PackageFile[] {
  rmSync(root, { recursive: true, force: true });
  const sources = sourcesOf(from);
  for (const { path, mode, content } of sources) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(target, content);
    else copyFileSync(content.copyOf, target);
    chmodSync(target, mode);
  }
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    lutimesSync(join(root, entry), epoch, epoch);
  }
  return sources.map(({ path, mode, isConfig }) => ({ path, mode, isConfig }));
}

function sourcesOf({ executable, licenses, sbom }: { executable: string; licenses: string; sbom: string }): Source[] {
  const read = (path: string): string => readFileSync(path, 'utf8');
  const file = (path: string, content: Source['content'], more: Partial<Source> = {}): Source => ({
    ...{ path, content, mode: 0o644, isConfig: false },
    ...more,
  });
  const ofPackage = (text: string): string =>
    text
      .replaceAll('/usr/local/bin/', '/usr/bin/')
      .replace('README.md beside this file says', `${DOC}/systemd.md says`);
  const config = read('config/floatie.yaml').replace('$schema=', '$schema=/usr/share/floatie/');
  const completions = (shell: string): string =>
    execFileSync(process.execPath, ['dist/main.js', 'completion', shell], { encoding: 'utf8' });
  return [
    file('/usr/bin/floatie', { copyOf: executable }, { mode: 0o755 }),
    file('/etc/floatie/floatie.yaml', config, { isConfig: true }),
    // May have tokens.
    file('/etc/floatie/floatie.env', read('examples/systemd/floatie.env'), { isConfig: true, mode: 0o600 }),
    file(`${UNITS}/floatie.service`, ofPackage(read('examples/systemd/floatie.service'))),
    file(`${UNITS}/floatie.socket`, read('examples/systemd/floatie.socket')),
    ...['floatie.schema.json', 'seccomp.json', 'semconv.yaml'].map((name) =>
      file(`/usr/share/floatie/${name}`, { copyOf: `config/${name}` }),
    ),
    file('/usr/share/man/man1/floatie.1.gz', gzipSync(read('docs/floatie.1'), { level: 9 })),
    file('/usr/share/bash-completion/completions/floatie', completions('bash')),
    file('/usr/share/fish/vendor_completions.d/floatie.fish', completions('fish')),
    // Debian's zsh, and that of others.
    ...['vendor-completions', 'site-functions'].map((folder) =>
      file(`/usr/share/zsh/${folder}/_floatie`, completions('zsh')),
    ),
    file(`${DOC}/copyright`, { copyOf: licenses }),
    file(`${DOC}/sbom.cdx.json`, sbom),
    file(`${DOC}/CHANGELOG.md`, { copyOf: 'CHANGELOG.md' }),
    file(`${DOC}/upgrading.md`, { copyOf: 'docs/upgrading.md' }),
    file(`${DOC}/systemd.md`, { copyOf: 'examples/systemd/README.md' }),
  ];
}
