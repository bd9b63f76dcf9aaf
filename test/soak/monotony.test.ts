/** A million values of counters, none below the one before. */
import { testMonotony } from '../support/monotony.ts';

testMonotony(1_000_000);
