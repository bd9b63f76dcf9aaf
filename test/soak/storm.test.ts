/** Half a minute of 64 threads, with forks, exits and kills among them, for each way to attach. */
import { testStorms } from '../support/storm.ts';

testStorms(30);
