/** What a request asks for: RFC 9112, "Request Target". */

export interface Target {
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Of the absolute form, which whoever asks a proxy uses: it counts in place of the header. null: the header does. */
  readonly host: string | null;
}

/** `/metrics?a=b`, or `http://node:9090/metrics?a=b`, which every server must take, too. */
export function parseTarget(url = '/'): Target {
  const [, host, rest = url] = /^https?:\/\/([^/?#]+)(.*)$/is.exec(url) ?? [];
  const [path = '', query = ''] = rest.split(/\?(.*)/s, 2);
  return { path: path === '' ? '/' : path, query, host: host ?? null };
}
