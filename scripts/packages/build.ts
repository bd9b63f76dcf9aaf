/**
 * `npm run build:packages`: makes the .deb, the .rpm and the single executable for x64 and arm64, each with its bill of
 * materials, in out/; with `-- x64` or `-- arm64` those for one. DEBFULLNAME and DEBEMAIL name who maintains them, as for
 * Debian's own tools. The same commit, maintainer and packages of Debian give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Arch, isArch, targetFor } from '../single/target.ts';
import { makeDeb } from './deb.ts';
import { writeRoot } from './root.ts';
import { makeRpm } from './rpm.ts';
import { sbomOf } from './sbom.ts';

const OUT = 'out';

process.chdir(join(import.meta.dirname, '../..'));
const wanted = process.argv.slice(2);
for (const name of wanted) if (!isArch(name)) throw new Error(`There are no packages for "${name}": x64 or arm64`);
const { version, description } = JSON.parse(readFileSync('package.json', 'utf8'));
const { DEBFULLNAME = 'The authors of Floatie', DEBEMAIL = 'floatie@localhost' } = process.env;
const epoch = Number(
  process.env.SOURCE_DATE_EPOCH ?? execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8' }),
);
mkdirSync(OUT, { recursive: true });
for (const arch of wanted.length === 0 ? (['x64', 'arm64'] as const) : wanted.filter(isArch)) build(arch);

function build(arch: Arch): void {
  const target = targetFor(arch);
  execFileSync(process.execPath, ['scripts/single/build.ts', arch], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [executable, licenses] = target.isNative
    ? ['dist/floatie', '.cache/single/LICENSE']
    : [`dist/floatie-${arch}`, `.cache/single-${arch}/LICENSE`];
  const sbom = sbomOf(target, epoch);
  const work = `.cache/packages/${arch}`;
  rmSync(work, { recursive: true, force: true });
  const root = join(work, 'root');
  const files = writeRoot(root, { executable, licenses, sbom }, epoch);
  const parts = { arch, version, description, maintainer: `${DEBFULLNAME} <${DEBEMAIL}>`, root, files, epoch };
  const single = join(OUT, `floatie-${version}-linux-${arch}`);
  copyFileSync(executable, single);
  writeFileSync(`${single}.cdx.json`, sbom);
  for (const path of [makeDeb(parts, OUT), makeRpm(parts, OUT), single, `${single}.cdx.json`]) {
    process.stdout.write(`${path}: ${(readFileSync(path).byteLength / 1e6).toFixed(1)} MB\n`);
  }
  rmSync(work, { recursive: true, force: true });
}
