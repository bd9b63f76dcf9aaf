/**
 * `npm run build:single`: dist/floatie, one executable with everything inside that Floatie needs besides the kernel,
 * glibc, libstdc++ and libgcc_s. It is for the machine's own architecture.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { functions } from '../../src/native/functions.ts';
import { receivers } from '../../src/receivers/index.ts';
import { licenses } from './licenses.ts';

// Relative, because they are inside the executable, which is the same wherever it is made.
const WORK = '.cache/single';
const OUTPUT = 'dist/floatie';

process.chdir(join(import.meta.dirname, '../..'));
mkdirSync(WORK, { recursive: true });

const bundled = [
  ...(await bundle('src/main.ts', 'main.js')),
  ...(await bundle('src/exporters/prometheus/bcrypt.ts', 'bcrypt.js')),
];
linkLibbpf();
writeFileSync(join(WORK, 'LICENSE'), licenses(bundled));
makeExecutable();
const megabytes = (readFileSync(OUTPUT).byteLength / 1e6).toFixed(0);
process.stdout.write(`${OUTPUT}: ${megabytes} MB, ${execFileSync(OUTPUT, ['--version'], { encoding: 'utf8' })}`);

/** @returns the files that became part of it */
async function bundle(entry: string, output: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: join(WORK, output),
    bundle: true,
    platform: 'node',
    target: `node${process.versions.node}`,
    // What a single executable may be in this version of Node.
    format: 'cjs',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    // npm before 10 installs the addon for musl as well.
    external: ['@yuuang/*-musl'],
    alias: { [`@yuuang/ffi-rs-linux-${process.arch}-gnu`]: join(import.meta.dirname, 'addon.cjs') },
    // Only read where there are files beside it.
    define: { 'import.meta.dirname': '""', 'import.meta.filename': '""' },
    metafile: true,
    logLevel: 'warning',
  });
  if (readFileSync(join(WORK, output), 'utf8').includes('createRequire')) {
    throw new Error(`${entry} comes with something that requires files which are not inside`);
  }
  return Object.keys(metafile.inputs);
}

/** One shared object of the static libbpf, libelf and zlib, which shows only the functions that Floatie calls. */
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
  execFileSync('clang', [
    ...['-O2', '-Wall', '-Werror', '-fPIC', '-shared', '-o', join(WORK, 'libbpf.so.1'), 'scripts/single/libbpf.c'],
    ...linking.map((option) => `-Wl,${option}`),
    ...['-Wl,-Bstatic', ...needed.trim().split(/\s+/), '-Wl,-Bdynamic'],
  ]);
}

function makeExecutable(): void {
  const programs = receivers.flatMap(({ programs }) => programs);
  const objects = programs.map((name) => `dist/bpf/${process.arch}/${name}`);
  const config = {
    main: join(WORK, 'main.js'),
    output: join(WORK, 'blob'),
    disableExperimentalSEAWarning: true,
    useCodeCache: true,
    // Nobody else's either: NODE_OPTIONS is not read.
    execArgv: ['--disable-sigusr1'],
    execArgvExtension: 'none',
    // By the paths that src/program/packaged.ts is asked for.
    assets: {
      'package.json': 'package.json',
      LICENSE: join(WORK, 'LICENSE'),
      'libbpf.so.1': join(WORK, 'libbpf.so.1'),
      'ffi-rs.node': addonPath(),
      'dist/exporters/bcrypt.js': join(WORK, 'bcrypt.js'),
      ...Object.fromEntries(objects.map((path) => [path, path])),
    },
  };
  const configPath = join(WORK, 'sea.json');
  writeFileSync(configPath, JSON.stringify(config));
  // The seed makes the code cache, and so the executable, the same each time.
  execFileSync(process.execPath, ['--random-seed=1', '--experimental-sea-config', configPath], { stdio: 'pipe' });

  const executable = join(WORK, basename(OUTPUT));
  copyFileSync(process.execPath, executable);
  // A seventh of Node is symbols for debuggers.
  execFileSync('strip', ['--strip-all', executable]);
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
  execFileSync('postject', [executable, 'NODE_SEA_BLOB', config.output, '--sentinel-fuse', fuse], { stdio: 'pipe' });
  renameSync(executable, OUTPUT);
}

function addonPath(): string {
  return `node_modules/@yuuang/ffi-rs-linux-${process.arch}-gnu/ffi-rs.linux-${process.arch}-gnu.node`;
}
