/** Waits for requests to HTTP servers in this process. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** Resolves when HTTP servers in this process have been asked this often. */
export async function requests(count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let seen = 0;
  const listener = (): void => {
    if (++seen === count) setImmediate(resolve);
  };
  subscribe('http.server.request.start', listener);
  await promise;
  unsubscribe('http.server.request.start', listener);
}
