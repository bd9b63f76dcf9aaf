/** The licenses of everything in the single executable, Floatie's first. */
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Target } from './target.ts';

interface Part {
  readonly name: string;
  readonly text: string;
}

/** @param files the bundled files, as paths from the root of the project */
export function licenses(files: readonly string[], { root, nodeLicense }: Target): string {
  const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  const packages = [...new Set(folders)].sort().map(ofPackage);
  const system = ['libbpf-dev', 'libelf-dev', 'zlib1g-dev'].map((name) => ofDebian(name, root));
  system.push(ofDebian('libffi[0-9]*', '/'));
  return [{ name: 'Floatie', text: readFileSync('LICENSE', 'utf8') }, ofNode(nodeLicense), ...packages, ...system]
    .map(({ name, text }) => `${'='.repeat(80)}\n${name}\n${'='.repeat(80)}\n\n${text.trim()}\n`)
    .join('\n');
}

function ofNode(path: string): Part {
  return { name: `Node ${process.version}`, text: readFileSync(path, 'utf8') };
}

function ofPackage(folder: string): Part {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const [path] = globSync(join(folder, '{LICENSE,LICENCE,license}{,.md,.txt}'));
  if (path === undefined) throw new Error(`Cannot find the license of ${name} in ${folder}`);
  return { name: `${name} ${version}`, text: readFileSync(path, 'utf8') };
}

/** The licenses of Debian's libraries, and of libffi, which is in the addon of ffi-rs. */
function ofDebian(name: string, root: string): Part {
  const [path] = globSync(join(root, `usr/share/doc/${name}/copyright`));
  if (path === undefined) throw new Error(`Cannot find the license of ${name} below /usr/share/doc`);
  return { name: basename(dirname(path)), text: readFileSync(path, 'utf8') };
}
