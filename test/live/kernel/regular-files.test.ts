/** FIFOs, device nodes, directories, sockets, pipes and eventfds are no files on overlayfs, however they are reached. */
import { testKinds } from '../../support/io-kinds.ts';

testKinds(
  'what is no regular file',
  'by METHOD what is no regular file is no sample',
  ({ isSpecial }) => isSpecial ?? false,
);
