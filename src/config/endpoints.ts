/** Endpoints of OTLP as the collector writes them: `host:port`, with TLS unless `tls.insecure` is true. */
import type { Everything } from './given.ts';

/** A host and a port without a scheme. */
const HOST_PORT = /^(\[[\da-fA-F:.]+\]|[A-Za-z0-9_.-]+):\d{1,5}$/;

const INSECURE = 'tls.insecure';

/** Gives endpoints their scheme, and takes `tls.insecure` out of the values. */
export function completeEndpoints({ values, warnings }: Everything): void {
  const exporters = new Set(
    [...values.keys()].flatMap((key) => /^exporters\.otlp(?:http)?(?:\/[^.]+)?(?=\.)/.exec(key)?.[0] ?? []),
  );
  for (const exporter of exporters) {
    const insecure = values.get(`${exporter}.${INSECURE}`);
    values.delete(`${exporter}.${INSECURE}`);
    const key = `${exporter}.endpoint`;
    const endpoint = values.get(key);
    const text = endpoint?.text ?? endpoint?.value;
    if (endpoint !== undefined && typeof text === 'string' && HOST_PORT.test(text)) {
      const { text: _, ...rest } = endpoint;
      values.set(key, { ...rest, value: `${insecure?.value === true ? 'http' : 'https'}://${text}` });
      if (insecure === undefined) {
        warnings.push(`${key}: has no scheme, so TLS is used; write http:// or tls: { insecure: true } for none`);
      }
    } else if (insecure !== undefined && !agrees(text, insecure.value === true)) {
      warnings.push(`${exporter}.${INSECURE}: is ignored: the scheme of the endpoint says whether TLS is used`);
    }
  }
}

function agrees(endpoint: unknown, insecure: boolean): boolean {
  return typeof endpoint === 'string' && endpoint.startsWith(insecure ? 'http://' : 'https://');
}
