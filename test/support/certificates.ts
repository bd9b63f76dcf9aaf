/** Certificates for tests, made by openssl. Without it none is made, and the tests that need one are skipped. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './peers.ts';
import { missing } from './requirements.ts';

/** For node:test's `skip`. */
export const lacksOpenssl = missing('openssl');

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Certificate, Disposable {
  /** What a client trusts. */
  readonly pem: Buffer;
  /** Of a server or a client; by default for 127.0.0.1 and localhost, and valid for a day. */
  issue(name: string, options?: { names?: string; days?: number }): Certificate;
}

export function createAuthority(): Authority {
  const home = folder();
  const openssl = (...args: string[]): void => {
    if (lacksOpenssl === false) execFileSync('openssl', args, { cwd: home.path, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const path = (name: string): Certificate => ({
    cert: join(home.path, `${name}.crt`),
    key: join(home.path, `${name}.key`),
  });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl('req', '-x509', ...key, '-subj', '/CN=Test CA', '-days', '1', '-keyout', 'ca.key', '-out', 'ca.crt');
  return {
    ...path('ca'),
    get pem() {
      return readFileSync(path('ca').cert);
    },
    issue(name, { names = 'IP:127.0.0.1,DNS:localhost', days = 1 } = {}) {
      const extension = ['-addext', `subjectAltName=${names}`];
      openssl('req', ...key, '-subj', `/CN=${name}`, ...extension, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy'];
      openssl('x509', '-req', '-in', `${name}.csr`, ...ca, '-days', String(days), '-out', `${name}.crt`);
      return path(name);
    },
    [Symbol.dispose]: () => home[Symbol.dispose](),
  };
}
