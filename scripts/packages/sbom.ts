/**
 * The bill of materials (CycloneDX) of the single executable: npm's packages, Node, the libraries that are linked, and
 * what is inside of others: libffi in the addon of ffi-rs, idiomorph in the page's script.
 */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Target } from '../single/target.ts';

interface Bill {
  serialNumber?: string;
  metadata: { timestamp?: string; component: { name: string } };
  components: object[];
  dependencies: object[];
}

/** @param epoch its time, in s since 1970 */
export function sbomOf({ root, addon }: Target, epoch: number): string {
  const format = ['sbom', '--package-lock-only', '--omit=dev', '--sbom-format=cyclonedx', '--sbom-type=application'];
  const bill = JSON.parse(
    execFileSync('npm', format, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }),
  ) as Bill;
  delete bill.serialNumber; // by chance
  bill.metadata.component.name = 'floatie'; // npm takes the name of the folder
  bill.metadata.timestamp = new Date(epoch * 1000).toISOString();
  const node = { name: 'node', version: process.versions.node, license: 'MIT' };
  const libraries = [
    { name: 'libbpf', version: versionOf('libbpf', root), license: 'LGPL-2.1-only OR BSD-2-Clause' },
    { name: 'libelf', version: versionOf('libelf', root), license: 'LGPL-3.0-or-later OR GPL-2.0-or-later' },
    { name: 'zlib', version: versionOf('zlib', root), license: 'Zlib' },
  ];
  const contained = [
    { name: 'libffi', version: crateIn(addon, 'libffi'), license: 'MIT', from: 'cargo' },
    { name: 'idiomorph', ...manifestOf('idiomorph'), from: 'npm' },
  ];
  const linked = [node, ...libraries, ...contained].map(({ name, version, license, ...more }) => ({
    ...{ 'bom-ref': `${name}@${version}`, type: 'library', name, version, scope: 'required' },
    ...{
      purl: `pkg:${'from' in more ? more.from : 'generic'}/${name}@${version}`,
      licenses: [{ expression: license }],
    },
  }));
  bill.components.push(...linked);
  bill.dependencies.push(...linked.map((component) => ({ ref: component['bom-ref'], dependsOn: [] })));
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** By the file of pkg-config, which a package for another architecture has as well. */
function versionOf(library: string, root: string): string {
  const [path] = globSync(join(root, `usr/lib/*-linux-gnu/pkgconfig/${library}.pc`));
  if (path === undefined) throw new Error(`Cannot find ${library}.pc below ${root}`);
  const [, version] = /^Version: (.*)$/m.exec(readFileSync(path, 'utf8')) ?? [];
  if (version === undefined) throw new Error(`${basename(path)} has no version`);
  return version;
}

/** The version of a crate of Rust, of which the addon has the paths in its messages. */
function crateIn(addon: string, name: string): string {
  const [, version] = new RegExp(`/${name}-(\\d+\\.\\d+\\.\\d+)/`).exec(readFileSync(addon, 'latin1')) ?? [];
  if (version === undefined) throw new Error(`${addon} does not say its version of ${name}`);
  return version;
}

function manifestOf(name: string): { readonly version: string; readonly license: string } {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
  return { version, license };
}
