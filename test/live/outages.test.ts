/** Outages of the collector in short; test/soak has them in full. */
import { testOutages } from '../support/outages.ts';

const seconds = {
  'is down': 5,
  'comes and goes': 6,
  'takes connections and never answers': 5,
  'answers seconds late': 5,
  'is exhausted': 5,
};
testOutages(seconds, false);
