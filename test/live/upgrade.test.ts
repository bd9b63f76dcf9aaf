/** What people have built on 0.1.0 keeps its answers: its dashboard and its rules, asked of a Prometheus that scrapes this Floatie. */
import { after, before, suite } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Expected, testQueries, testRules } from '../support/answers.ts';
import { queriesOf, readDashboard } from '../support/grafana.ts';
import { type Monitoring, startMonitoring } from '../support/monitoring.ts';
import { missing } from '../support/requirements.ts';
import { readRules } from '../support/rules.ts';

const DASHBOARD = fileURLToPath(new URL('../fixtures/0.1.0/floatie.json', import.meta.url));
const RULES = fileURLToPath(new URL('../fixtures/0.1.0/alerts.yml', import.meta.url));

/** As under this load on 0.1.0. What has no answer any more comes here with the name of its row in docs/upgrading.md. */
const EXPECTED: Expected = {
  nothing: {
    floatie_pressure_unavailable: 'the pressure of this host can be read',
    floatie_overlayfs_async_total: 'nothing here is asynchronous',
  },
  still: ['floatie_probe_misses_total'],
  firing: ['FloatieOverlayfsSlow', 'FloatieOomKill', 'absent', 'overflow'],
  either: [],
};

suite('what was built on 0.1.0', { skip: missing('root', 'btf', 'fuse', 'pressure') }, () => {
  let monitoring: Monitoring;
  before(async () => {
    monitoring = await startMonitoring(RULES);
  });
  after(() => monitoring[Symbol.asyncDispose]());

  testQueries(queriesOf(readDashboard(DASHBOARD)), EXPECTED, () => monitoring);
  testRules(readRules(RULES), EXPECTED, () => monitoring);
});
