/** A scrape over TLS of an endpoint with a certificate of a test's own CA. */
import { get } from 'node:https';
import { type Metrics, parseMetrics } from './metrics-text.ts';

export function scrapeTls(url: string, ca: Buffer): Promise<Metrics> {
  return new Promise((resolve, reject) => {
    get(url, { ca }, async (response) => {
      const chunks = await Array.fromAsync(response as AsyncIterable<Buffer>);
      resolve(parseMetrics(Buffer.concat(chunks).toString()));
    }).on('error', reject);
  });
}
