/** The collector is away for 5 minutes, flaps for one, says nothing for one, is late for one, exhausted for one. */
import { testOutages } from '../support/outages.ts';

const seconds = {
  'is down': 300,
  'comes and goes': 60,
  'takes connections and never answers': 60,
  'answers seconds late': 60,
  'is exhausted': 60,
};
testOutages(seconds, true);
