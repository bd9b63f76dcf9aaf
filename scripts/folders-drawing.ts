/** The drawing of src's folders and imports in docs/architecture.md. */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** The direct imports of each folder or file of src. */
type Imports = ReadonlyMap<string, ReadonlySet<string>>;

/** A Mermaid graph with an arrow for each import that no longer path of arrows implies. */
export function foldersDrawing(): string {
  const imports = readImports();
  const arrows = [...imports].flatMap(([from, targets]) =>
    [...targets].filter((to) => !isImplied(imports, from, to)).map((to) => `  ${from} --> ${to}`),
  );
  return ['```mermaid', 'graph TD', ...arrows.sort(), '```'].join('\n');
}

function readImports(): Imports {
  const imports = new Map<string, Set<string>>();
  for (const file of globSync('**/*.ts', { cwd: SRC })) {
    const text = readFileSync(join(SRC, file), 'utf8');
    for (const [, target = ''] of text.matchAll(/(?:\bfrom |\bimport |\bimport\()'(\.[^']+)'/g)) {
      const [from, to] = [placeOf(file), placeOf(relative(SRC, join(SRC, dirname(file), target)))];
      if (from !== to) imports.set(from, (imports.get(from) ?? new Set()).add(to));
    }
  }
  return imports;
}

/** The folder directly below src; of a file that lies in src, the file. */
function placeOf(file: string): string {
  return file.split('/')[0] ?? '';
}

/** Whether another import of `from` leads to `to`, too. */
function isImplied(imports: Imports, from: string, to: string): boolean {
  const others = [...(imports.get(from) ?? [])].filter((other) => other !== to);
  const reached = new Set(others);
  for (const folder of reached) for (const next of imports.get(folder) ?? []) reached.add(next);
  return reached.has(to);
}
