/** TLS and authentication of the endpoint by a web configuration file; loaded only where one is configured. */
import { statSync } from 'node:fs';
import { createServer, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Logger } from '../../program/log.ts';
import { reasonOf } from '../../program/reason.ts';
import { Passwords, type Verdict } from './passwords.ts';
import { readWebConfig, type WebConfig } from './web-config.ts';

/** The timeout of a TLS handshake, in ms. */
const HANDSHAKE_MS = 5000;

/** A web configuration file, read again when it or a file that it names changes. */
export class Web {
  readonly #passwords = new Passwords();
  readonly #file: string;
  readonly #log: Logger;
  #config: WebConfig;
  /** The stamp of the files when they were read; null when they were unusable. */
  #stamp: string | null;
  /** The last logged problem of the files. */
  #problem: string | null = null;

  /** Throws {@link ConfigError}. */
  constructor(file: string, log: Logger) {
    this.#file = file;
    this.#log = log;
    [this.#config, this.#stamp] = this.#read();
  }

  /** The current configuration; while the files are unusable, the last usable one, with one line in the log. */
  current(): WebConfig {
    if (this.#stamp !== null && this.#stamp === stampOf(this.#config.files)) return this.#config;
    try {
      const [config, stamp] = this.#read();
      const { tls, asksForCertificate } = this.#config;
      if ((config.tls === null) !== (tls === null) || config.asksForCertificate !== asksForCertificate) {
        throw new Error(`${this.#file}: switching TLS or client_auth_type needs a restart`);
      }
      [this.#config, this.#stamp, this.#problem] = [config, stamp, null];
      this.#log.info('Using the changed web configuration', { file: this.#file });
    } catch (error) {
      const message = reasonOf(error);
      if (message !== this.#problem) this.#log.error(`Keeping the previous web configuration: ${message}`);
      [this.#problem, this.#stamp] = [message, null];
    }
    return this.#config;
  }

  /** Whether clients need a password or a certificate. */
  get isProtected(): boolean {
    const { users, asksForCertificate } = this.current();
    return users.size > 0 || asksForCertificate;
  }

  createServer(options: ServerOptions): Server {
    const { tls, asksForCertificate: asked } = this.current();
    if (tls === null) return createServer(options);
    let context = tls;
    const handshake = { handshakeTimeout: HANDSHAKE_MS, requestCert: asked, rejectUnauthorized: asked };
    const server = createTlsServer({ ...options, ...context, ...handshake });
    // Prepended, so that the server's own listener uses the new context.
    server.prependListener('connection', () => {
      const { tls } = this.current();
      if (tls === null || tls === context) return;
      server.setSecureContext(tls);
      context = tls;
    });
    return server;
  }

  /** Judges the credentials of a request. */
  async judge(authorization: string | undefined, address: string | undefined): Promise<Verdict> {
    const { users } = this.current();
    return users.size === 0 ? 'right' : this.#passwords.judge(authorization, users, address);
  }

  /** Takes the stamp before it reads, so that a change meanwhile is noticed the next time. */
  #read(): [WebConfig, string] {
    const stamp = stampOf(readWebConfig(this.#file).files);
    return [readWebConfig(this.#file), stamp];
  }
}

function stampOf(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
        return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
      } catch {
        return ''; // reading the file reports the error
      }
    })
    .join('\n');
}
