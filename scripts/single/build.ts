/**
 * `npm run build:single`: builds dist/floatie, one executable that needs only the kernel, glibc, libstdc++ and libgcc_s,
 * for this machine's architecture; with `-- arm64` or `-- x64` dist/floatie-ARCH for that one.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { functions } from '../../src/native/functions.ts';
import { receivers } from '../../src/receivers/index.ts';
import { licenses } from './licenses.ts';
import { isArch, targetFor } from './target.ts';

const [given = process.arch] = process.argv.slice(2);
if (!isArch(given)) throw new Error(`There is no executable for "${given}": x64 or arm64`);
process.chdir(join(import.meta.dirname, '../..'));
const target = targetFor(given);
const { arch, isNative, node, addon } = target;
// Relative, because paths become part of the executable, whose build is reproducible.
const WORK = isNative ? '.cache/single' : `.cache/single-${arch}`;
const OUTPUT = isNative ? 'dist/floatie' : `dist/floatie-${arch}`;
/** What browsers load; setup.sh makes them. Of npm they contain only idiomorph, which asks for no notice (0BSD). */
const PAGE = ['dist/page/browser.js', 'dist/page/page.css'];

mkdirSync(WORK, { recursive: true });

const bundled = [
  ...(await bundle('src/main.ts', 'main.js')),
  ...(await bundle('src/exporters/prometheus/bcrypt.ts', 'bcrypt.js')),
];
linkLibbpf();
writeFileSync(join(WORK, 'LICENSE'), licenses(bundled, target));
makeExecutable();
const megabytes = (readFileSync(OUTPUT).byteLength / 1e6).toFixed(0);
const said = isNative ? execFileSync(OUTPUT, ['--version'], { encoding: 'utf8' }) : `for ${arch}\n`;
process.stdout.write(`${OUTPUT}: ${megabytes} MB, ${said}`);

/** @returns the bundled files */
async function bundle(entry: string, output: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: join(WORK, output),
    bundle: true,
    platform: 'node',
    target: `node${process.versions.node}`,
    // The only format of single executables in this version of Node.
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // npm before 10 also installs the addon for musl.
    external: ['@yuuang/*-musl', ...(isNative ? [] : [`@yuuang/ffi-rs-linux-${process.arch}-gnu`])],
    alias: { [`@yuuang/ffi-rs-linux-${arch}-gnu`]: join(import.meta.dirname, 'addon.cjs') },
    // Only read where Floatie is a package.
    define: { 'import.meta.dirname': '""', 'import.meta.filename': '""' },
    metafile: true,
    logLevel: 'warning',
  });
  if (readFileSync(join(WORK, output), 'utf8').includes('createRequire')) {
    throw new Error(`${entry} comes with something that requires files which are not inside`);
  }
  return Object.keys(metafile.inputs);
}

/**
 * Links the static libbpf, libelf and zlib into one shared object that exports only the functions that Floatie calls.
 */
function linkLibbpf(): void {
  const rows = Object.entries(functions).filter(([, { library }]) => library === 'libbpf');
  const names = rows.map(([name]) => name);
  const symbols = join(WORK, 'libbpf.map');
  writeFileSync(symbols, `{ global: ${names.join('; ')}; local: *; };\n`);
  const needed = execFileSync('pkg-config', ['--static', '--libs-only-l', 'libbpf'], { encoding: 'utf8' });
  const linking = [
    ...names.map((name) => `-u,${name}`),
    `--version-script=${symbols}`,
    '-soname=libbpf.so.1,--gc-sections,-z,now,-s',
  ];
  const [clang = '', ...forTarget] = target.compiler;
  execFileSync(clang, [
    ...forTarget,
    ...['-O2', '-Wall', '-Werror', '-fPIC', '-shared', '-o', join(WORK, 'libbpf.so.1'), 'scripts/single/libbpf.c'],
    ...linking.map((option) => `-Wl,${option}`),
    ...['-Wl,-Bstatic', ...needed.trim().split(/\s+/), '-Wl,-Bdynamic'],
  ]);
}

function makeExecutable(): void {
  const programs = receivers.flatMap(({ programs }) => programs);
  const objects = programs.map((name) => `dist/bpf/${arch}/${name}`);
  const config = {
    main: join(WORK, 'main.js'),
    output: join(WORK, 'blob'),
    disableExperimentalSEAWarning: true,
    // V8 of one architecture refuses that of another.
    useCodeCache: isNative,
    // No options by NODE_OPTIONS either.
    execArgv: ['--disable-sigusr1'],
    execArgvExtension: 'none',
    // Keyed by the paths in calls of src/program/packaged.ts.
    assets: {
      'package.json': 'package.json',
      LICENSE: join(WORK, 'LICENSE'),
      'libbpf.so.1': join(WORK, 'libbpf.so.1'),
      'ffi-rs.node': addon,
      'dist/exporters/bcrypt.js': join(WORK, 'bcrypt.js'),
      ...Object.fromEntries([...objects, ...PAGE].map((path) => [path, path])),
    },
  };
  const configPath = join(WORK, 'sea.json');
  writeFileSync(configPath, JSON.stringify(config));
  // The seed makes the code cache, and so the executable, reproducible.
  execFileSync(process.execPath, ['--random-seed=1', '--experimental-sea-config', configPath], { stdio: 'pipe' });

  const executable = join(WORK, basename(OUTPUT));
  copyFileSync(node, executable);
  // A seventh of Node's executable is debug symbols.
  execFileSync(target.strip, ['--strip-all', executable]);
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
  execFileSync('postject', [executable, 'NODE_SEA_BLOB', config.output, '--sentinel-fuse', fuse], { stdio: 'pipe' });
  // A copy, because the kernel caches what postject wrote at once in large pieces, of which a process holds 23 MB more.
  copyFileSync(executable, `${executable}.copy`);
  renameSync(`${executable}.copy`, OUTPUT);
}
