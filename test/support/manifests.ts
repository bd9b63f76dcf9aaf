/** Builds the examples' Kubernetes manifests with kustomize, and checks them against Kubernetes' schema. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { folder, peer } from './peers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const EXAMPLES = join(ROOT, 'examples/kubernetes');

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/**
 * `kustomize build` of a folder of examples/kubernetes.
 *
 * @param component added to it first, as its README says
 */
export function buildManifests(name: string, component?: string): Manifest[] {
  if (component === undefined) return build(join(EXAMPLES, name));
  using copy = folder();
  cpSync(EXAMPLES, copy.path, { recursive: true });
  const cwd = join(copy.path, name);
  execFileSync(peer('kustomize'), ['edit', 'add', 'component', `../${component}`], { cwd });
  return build(cwd);
}

function build(path: string): Manifest[] {
  const text = execFileSync(peer('kustomize'), ['build', path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** The package with the types of an API, generated from its OpenAPI document. */
const packageOf = ({ apiVersion }: Manifest): string =>
  apiVersion.startsWith('monitoring.coreos.com/')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;

type Model = new (manifest: Manifest) => { validate(): void };

/** Problems by the schema: missing fields, wrong types or formats, and unknown fields. */
export async function problemsOf(manifests: readonly Manifest[]): Promise<string[]> {
  const problems: string[] = [];
  for (const manifest of manifests) {
    try {
      const models = (await import(packageOf(manifest))) as Record<string, Model | undefined>;
      const model = models[manifest.kind];
      if (model === undefined) throw new Error(`${manifest.apiVersion} has no such kind`);
      new model(manifest).validate();
    } catch (error) {
      problems.push(`${manifest.kind} ${manifest.metadata.name}: ${(error as Error).message}`);
    }
  }
  return [...problems, ...unknownFields(manifests)];
}

/** The schema accepts unknown fields; the compiler refuses them in an object literal. */
function unknownFields(manifests: readonly Manifest[]): string[] {
  // The compiler finds the types only from below the project.
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const path = mkdtempSync(join(ROOT, '.cache/manifests-'));
  try {
    const source = manifests.map((manifest, index) => {
      const type = `import('${packageOf(manifest)}').I${manifest.kind}`;
      return `export const manifest${index}: ${type} = ${JSON.stringify(manifest)};`;
    });
    writeFileSync(join(path, 'manifests.ts'), source.join('\n'));
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--pretty', 'false'];
    const how = ['--module', 'nodenext', '--target', 'esnext', '--types', ''];
    const { stdout } = spawnSync('tsc', [...options, ...how, 'manifests.ts'], { cwd: path, encoding: 'utf8' });
    return stdout.split('\n').filter((line) => /error TS/.test(line));
  } finally {
    rmSync(path, { recursive: true });
  }
}
