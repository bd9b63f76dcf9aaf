/** The short form of test/soak/storm.test.ts. */
import { testStorms } from '../support/storm.ts';

testStorms(2);
