/**
 * `npm run release -- X.Y.Z`: checks that this commit can be that release, makes its artifacts in out/, and says what to
 * publish where. It publishes nothing. `--unit-tests` runs only those, where the others have just passed.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { releaseProblems } from './release-problems.ts';

const OUT = 'out';

process.chdir(join(import.meta.dirname, '..'));
const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'unit-tests': { type: 'boolean' } } });
const [version = ''] = positionals;
const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
const commit = git('rev-parse', 'HEAD');

const problems = releaseProblems(version, {
  read: (path) => readFileSync(path, 'utf8'),
  changed: git('status', '--porcelain')
    .split('\n')
    .filter((line) => line !== ''),
  tagged: spawnSync('git', ['rev-parse', '--quiet', '--verify', `v${version}^{commit}`], {
    encoding: 'utf8',
  }).stdout.trim(),
  commit,
});
if (problems.length > 0) fail(...problems);
npm(values['unit-tests'] ? ['run', 'check'] : ['test']);

rmSync(OUT, { recursive: true, force: true });
npm(['run', '--silent', 'build:packages']);
npm(['pack', '--silent', '--pack-destination', OUT]);
const names = readdirSync(OUT).sort();
const sums = names.map(
  (name) =>
    `${createHash('sha256')
      .update(readFileSync(join(OUT, name)))
      .digest('hex')}  ${name}\n`,
);
writeFileSync(join(OUT, 'SHA256SUMS'), sums.join(''));
if (git('status', '--porcelain') !== '')
  fail('making the artifacts changed files of the checkout: git status names them');

const created = git('log', '-1', '--format=%cI');
process.stdout.write(`
Floatie ${version} of ${commit.slice(0, 12)} is in ${OUT}/:
${sums.join('')}
To publish it:
  git tag -a v${version} -m 'Floatie ${version}' ${commit} && git push origin v${version}
  npm publish ${OUT}/floatie-${version}.tgz
  docker build --build-arg REVISION=${commit} --build-arg CREATED=${created} -t REGISTRY/floatie:${version} .
      with BUILD_IMAGE by its digest (--build-arg BUILD_IMAGE=docker.io/library/debian:bookworm-slim@sha256:…),
      on each architecture; then docker push
  the repository's release v${version}: all files of ${OUT}/, and as its text the section of CHANGELOG.md
  the .deb and .rpm into the package repositories that users have, which sign them; their maintainer is
      $DEBFULLNAME <$DEBEMAIL> of the environment that made them
`);

function npm(args: string[]): void {
  const { status } = spawnSync('npm', args, { stdio: 'inherit' });
  if (status !== 0) fail(`npm ${args.join(' ')} failed`);
}

function fail(...reasons: string[]): never {
  process.stderr.write(
    `This cannot be released as ${version === '' ? 'X.Y.Z' : version}:\n${reasons.map((reason) => `  ${reason}\n`).join('')}`,
  );
  process.exit(1);
}
