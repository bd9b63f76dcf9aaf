/** The target of a request: RFC 9112, "Request Target". */

export interface Target {
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
}

/** `/metrics?a=b`, also `/metrics/`, or the absolute form `http://node:9090/metrics?a=b`, which every server must accept. */
export function parseTarget(url = '/'): Target {
  const [, rest = url] = /^https?:\/\/[^/?#]+(.*)$/is.exec(url) ?? [];
  const [path = '', query = ''] = rest.split(/\?(.*)/s, 2);
  return { path: path === '' ? '/' : path.replace(/(?<=[^/])\/$/, ''), query };
}
