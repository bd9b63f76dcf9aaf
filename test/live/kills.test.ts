/** A tenth of what test/soak does. */
import { testKills } from '../support/kills.ts';

testKills(10);
