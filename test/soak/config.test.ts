/** Ten thousand random configurations, and fifty damaged ones by the command. */
import { testMutants, testRandom } from '../support/random-config.ts';

testRandom(10_000);
testMutants(50);
