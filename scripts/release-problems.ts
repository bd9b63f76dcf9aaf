/** Why a checkout cannot be released under a version. */

export interface Checkout {
  /** The text of a file, by its path from the root. */
  read(path: string): string;
  /** Changes that are not committed, as `git status --porcelain` has them. */
  readonly changed: readonly string[];
  /** The commit that has the tag of the version; empty for none. */
  readonly tagged: string;
  readonly commit: string;
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: { readonly floatie?: string };
}

/** @returns one line for each problem, with what helps */
export function releaseProblems(version: string, { read, changed, tagged, commit }: Checkout): string[] {
  if (!/^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}$/.test(version)) {
    return ['its version must look like 1.2.3: npm run release -- 1.2.3'];
  }
  const problems: string[] = [];
  if (changed.length > 0) problems.push(`${changed.length} files are not committed, such as "${changed[0]}"`);
  if (tagged !== '' && tagged !== commit) {
    problems.push(`v${version} is the tag of ${tagged.slice(0, 12)}; a tag never moves: take another version`);
  }
  const json = (path: string): Manifest => JSON.parse(read(path));
  const versions: readonly [string, string | undefined][] = [
    ['package.json', json('package.json').version],
    ['package-lock.json', json('package-lock.json').version],
    ['examples/plugin/package.json', json('examples/plugin/package.json').dependencies?.floatie],
    ['Dockerfile', /^ARG VERSION=(.*)$/m.exec(read('Dockerfile'))?.[1]],
  ];
  for (const [path, found] of versions) {
    if (found !== version)
      problems.push(`${path} has the version ${found}: npm version --no-git-tag-version, docs/releasing.md`);
  }
  const [, first] = /^## (.*)$/m.exec(read('CHANGELOG.md')) ?? [];
  if (first !== version) problems.push(`the first section of CHANGELOG.md is "${first}", not "${version}"`);
  return problems;
}
