/**
 * `npm run build:single`: builds dist/floatie for this machine's architecture, one executable that needs only the
 * kernel, glibc, libstdc++ and libgcc_s.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { functions } from '../../src/native/functions.ts';
import { receivers } from '../../src/receivers/index.ts';
import { licenses } from './licenses.ts';

// Relative, because paths become part of the executable, whose build is reproducible.
const WORK = '.cache/single';
const OUTPUT = 'dist/floatie';
/** What browsers load; setup.sh makes them. Of npm they contain only idiomorph, which asks for no notice (0BSD). */
const PAGE = ['dist/page/browser.js', 'dist/page/page.css'];

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
    external: ['@yuuang/*-musl'],
    alias: { [`@yuuang/ffi-rs-linux-${process.arch}-gnu`]: join(import.meta.dirname, 'addon.cjs') },
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
    // No options by NODE_OPTIONS either.
    execArgv: ['--disable-sigusr1'],
    execArgvExtension: 'none',
    // Keyed by the paths in calls of src/program/packaged.ts.
    assets: {
      'package.json': 'package.json',
      LICENSE: join(WORK, 'LICENSE'),
      'libbpf.so.1': join(WORK, 'libbpf.so.1'),
      'ffi-rs.node': addonPath(),
      'dist/exporters/bcrypt.js': join(WORK, 'bcrypt.js'),
      ...Object.fromEntries([...objects, ...PAGE].map((path) => [path, path])),
    },
  };
  const configPath = join(WORK, 'sea.json');
  writeFileSync(configPath, JSON.stringify(config));
  // The seed makes the code cache, and so the executable, reproducible.
  execFileSync(process.execPath, ['--random-seed=1', '--experimental-sea-config', configPath], { stdio: 'pipe' });

  const executable = join(WORK, basename(OUTPUT));
  copyFileSync(process.execPath, executable);
  // A seventh of Node's executable is debug symbols.
  execFileSync('strip', ['--strip-all', executable]);
  const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
  execFileSync('postject', [executable, 'NODE_SEA_BLOB', config.output, '--sentinel-fuse', fuse], { stdio: 'pipe' });
  // A copy, because the kernel caches what postject wrote at once in large pieces, of which a process holds 23 MB more.
  copyFileSync(executable, `${executable}.copy`);
  renameSync(`${executable}.copy`, OUTPUT);
}

function addonPath(): string {
  return `node_modules/@yuuang/ffi-rs-linux-${process.arch}-gnu/ffi-rs.linux-${process.arch}-gnu.node`;
}
