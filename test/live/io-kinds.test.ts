/** Every kind of I/O on overlayfs, by every way to attach that this kernel offers, is counted as io-kinds.ts says. */
import { testKinds } from '../support/io-kinds.ts';

testKinds('kinds of I/O', 'every kind of I/O is counted by METHOD as the README says', () => true);
