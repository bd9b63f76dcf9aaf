/** The files that runtimes leave about their containers, and that a container's owner may have written. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RuntimeFiles } from '../../../src/containers/names.ts';
import { folder } from '../../support/peers.ts';
import type { Running, Target } from '../fuzzer.ts';

const ID = '0123456789abcdef'.repeat(4);
const UID = process.getuid?.() ?? 0;
const MINE = UID === 0 ? '/' : `/user.slice/user-${UID}.slice/user@${UID}.service/docker-${ID}.scope`;
const MAX_NAME = 253;

const FILES = {
  docker: [`docker/containers/${ID}/config.v2.json`],
  containerd: [`containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`],
  'cri-o': [`run/overlay-containers/${ID}/userdata/config.json`, 'lib/overlay-containers/containers.json'],
} as const;

export const runtimeFiles: Target = {
  words: [
    ...[
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"',
      'null',
      'true',
      '1e999',
      '\\ud800',
      '\\u0000',
      '"Name"',
      '"Config"',
      '"Labels"',
      '"Image"',
    ],
    ...[
      '"annotations"',
      '"id"',
      `"${ID}"`,
      '"metadata"',
      '"{\\"name\\":\\"a\\"}"',
      '"io.kubernetes.pod.name"',
      '"__proto__"',
    ],
    ...['"io.kubernetes.cri.container-name"', '"io.kubernetes.cri-o.ImageName"', '"image-name"', 'a:b@c', '../'],
  ],
  open,
};

function open(): Running {
  const home = folder();
  const at = (path: string): string => join(home.path, path);
  const settings = { docker: [at('docker')], containerd: [at('containerd')], storage: [at('lib'), at('run')] };
  for (const path of Object.values(FILES).flat()) mkdirSync(dirname(at(path)), { recursive: true });
  const files = new RuntimeFiles(settings);
  return {
    check(input) {
      for (const [runtime, paths] of Object.entries(FILES)) {
        for (const path of paths) writeFileSync(at(path), input);
        const names = files.namesOf({ cgroup: MINE, containerId: ID, runtime: runtime as keyof typeof FILES });
        for (const name of Object.values(names)) {
          assert.ok(typeof name === 'string' && name.length <= MAX_NAME && name.isWellFormed(), JSON.stringify(name));
        }
      }
    },
    async [Symbol.asyncDispose]() {
      home[Symbol.dispose]();
    },
  };
}
