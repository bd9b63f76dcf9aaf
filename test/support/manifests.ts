/** Manifests for Kubernetes: what kustomize makes of the examples, and what Kubernetes' own schema says of them. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { peer } from './peers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** `kustomize build` of a folder of examples/kubernetes. */
export function buildManifests(name: string): Manifest[] {
  const text = execFileSync(peer('kustomize'), ['build', join(ROOT, 'examples/kubernetes', name)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** Where the types of each API are that came from its OpenAPI document. */
const packageOf = ({ apiVersion }: Manifest): string =>
  apiVersion.startsWith('monitoring.coreos.com/')
    ? `@kubernetes-models/prometheus-operator/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;

type Model = new (manifest: Manifest) => { validate(): void };

/** What is wrong by the schema: what lacks, what has the wrong type or form, and what the schema does not know at all. */
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

/** The schema lets fields pass that it does not know; as an object literal of its type, the compiler does not. */
function unknownFields(manifests: readonly Manifest[]): string[] {
  // The types are found from below the project only.
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, '.cache/manifests-'));
  try {
    const source = manifests.map((manifest, index) => {
      const type = `import('${packageOf(manifest)}').I${manifest.kind}`;
      return `export const manifest${index}: ${type} = ${JSON.stringify(manifest)};`;
    });
    writeFileSync(join(folder, 'manifests.ts'), source.join('\n'));
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--pretty', 'false'];
    const how = ['--module', 'nodenext', '--target', 'esnext', '--types', ''];
    const { stdout } = spawnSync('tsc', [...options, ...how, 'manifests.ts'], { cwd: folder, encoding: 'utf8' });
    return stdout.split('\n').filter((line) => /error TS/.test(line));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
