/** Outages of the collector in short; test/soak has them in full. */
import { testOutages } from '../support/outages.ts';

testOutages({ 'is down': 5, 'comes and goes': 6, 'takes connections and never answers': 5, 'is exhausted': 5 }, false);
