/** Five thousand random configurations, each a page for Prometheus and a batch for a collector. */
import { testPages } from '../support/random-pages.ts';

testPages(5000);
