/** What Floatie says is taken, whatever it is made of; test/soak/pages.test.ts tries fifty times as much. */
import { testPages } from '../support/random-pages.ts';

testPages(100);
