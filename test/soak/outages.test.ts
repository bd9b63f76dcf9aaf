/** The collector is away for 5 minutes, flaps for one, says nothing for one and is exhausted for one. */
import { testOutages } from '../support/outages.ts';

testOutages(
  { 'is down': 300, 'comes and goes': 60, 'takes connections and never answers': 60, 'is exhausted': 60 },
  true,
);
