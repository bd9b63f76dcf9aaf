/** Whatever is in a configuration, loading it gives a configuration or says what is wrong with it. */
import { testMutants, testRandom } from '../support/random-config.ts';

testRandom(2000);
testMutants(5);
