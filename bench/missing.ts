/** Something a benchmark needs is not on this machine; the others run all the same. */
export class Missing extends Error {
  override name = 'Missing';
}
