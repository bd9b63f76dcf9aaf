/** Nothing that counts ever falls: Prometheus would take it for a restart. */
import { testMonotony } from '../support/monotony.ts';

testMonotony(100_000);
