/** What a request asks for: RFC 9112, "Request Target". */

export interface Target {
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
}

/** `/metrics?a=b`, or `http://node:9090/metrics?a=b`, which is for proxies, and which every server must take, too. */
export function parseTarget(url = '/'): Target {
  const [, rest = url] = /^https?:\/\/[^/?#]+(.*)$/is.exec(url) ?? [];
  const [path = '', query = ''] = rest.split(/\?(.*)/s, 2);
  return { path: path === '' ? '/' : path, query };
}
