/** A real Prometheus scrapes a real Floatie over TLS, with a password and a certificate. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { createAuthority } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { startFloatie } from '../support/floatie.ts';
import { folder } from '../support/peers.ts';
import { runPrometheus } from '../support/prometheus.ts';
import { missing } from '../support/requirements.ts';

suite('Prometheus', { skip: missing('root', 'btf') }, () => {
  test('scrapes over TLS with the right password and certificate, and is refused with a wrong password', async () => {
    using authority = createAuthority();
    const [server, client] = [authority.issue('server'), authority.issue('client')];
    using home = folder({
      'web.yml': `
tls_server_config:
  cert_file: ${server.cert}
  key_file: ${server.key}
  client_auth_type: RequireAndVerifyClientCert
  client_ca_file: ${authority.cert}
basic_auth_users: {prometheus: ${bcrypt.hashSync('secret', 4)}}
`,
    });
    await using floatie = await startFloatie([
      '--set',
      `exporters.prometheus.web_config_file=${join(home.path, 'web.yml')}`,
    ]);
    assert.match(floatie.url, /^https:/);
    const job = (name: string, password: string): string => `
  - job_name: ${name}
    scheme: https
    static_configs: [{targets: ["${new URL(floatie.url).host}"]}]
    basic_auth: {username: prometheus, password: ${password}}
    tls_config: {ca_file: ${authority.cert}, cert_file: ${client.cert}, key_file: ${client.key}}
`;
    await using prometheus = await runPrometheus({
      'prometheus.yml': `global: {scrape_interval: 1s}\nscrape_configs:${job('right', 'secret')}${job('wrong', 'guess')}`,
    });
    interface Target {
      readonly labels: { readonly job: string };
      readonly health: string;
      readonly lastError: string;
    }
    const target = async (name: string): Promise<Target | undefined> => {
      const { activeTargets } = await prometheus.ask<{ activeTargets: Target[] }>('targets');
      return activeTargets.find(({ labels }) => labels.job === name);
    };
    await eventually('one is up', async () => (await target('right'))?.health === 'up').catch(async (error) => {
      throw new Error(`${error.message}\n${(await target('right'))?.lastError}`);
    });
    await eventually('the other is down', async () => (await target('wrong'))?.health === 'down');
    assert.match((await target('wrong'))?.lastError ?? '', /401 Unauthorized/);
    assert.equal(await floatie.stop(), 0);
  });
});
