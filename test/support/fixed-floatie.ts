/** Answers as Floatie does, always with the same numbers, on a port of its own. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PAGE_HEADERS, page, pageFile } from '../../src/exporters/prometheus/page.ts';
import type { Containers } from '../../src/history/schema.ts';
import type { Readiness } from '../../src/program/health.ts';
import { flatten } from '../../src/records/encode.ts';
import type { TypedRecord } from '../../src/records/schema.ts';
import { ANSWER, WEB } from './containers-answer.ts';
import { oomRecord } from './records.ts';

export interface FixedFloatie extends AsyncDisposable {
  readonly url: string;
  /** Replaces what it answers with. */
  answer: Containers;
  records: TypedRecord[];
  readiness: Readiness;
  /** The paths that were asked for. */
  readonly asked: string[];
}

export const READY: Readiness = {
  ready: true,
  probes: [
    {
      probe: 'overlayfs',
      attached: true,
      method: 'syscall',
      unmeasured: [{ ops: ['lookup'], reason: 'no such function' }],
    },
  ],
};

/** @param agoMs how long ago it was */
export function killOf(name: string, id: string, agoMs: number, explanation: string): TypedRecord {
  const owner = { 'container.id': id, 'container.name': name, 'victim.comm': 'tail' } as object;
  return oomRecord({
    time: new Date(Date.now() - agoMs).toISOString(),
    cgroup: `/libpod-${id}`,
    ...owner,
    explanation,
  });
}

export async function startFixedFloatie(): Promise<FixedFloatie> {
  const server = createServer((request, response) => {
    const [path = ''] = (request.url ?? '').split('?');
    floatie.asked.push(path);
    reply(path, response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const floatie = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: { ...ANSWER, time: new Date().toISOString() } as Containers,
    records: [killOf('web-1', WEB.container_id ?? '', 70_000, 'Its own limit of 64 MiB was full')],
    readiness: READY,
    asked: [] as string[],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  function reply(path: string, response: ServerResponse): void {
    const lists = new Map([['/oom', floatie.records]]);
    const send = (type: string, text: string, headers = {}): void => {
      response.writeHead(200, { 'content-type': type, ...headers }).end(text);
    };
    if (path === '/') send('text/html; charset=utf-8', page(floatie.readiness, lists, floatie.answer), PAGE_HEADERS);
    else if (path === '/page.js' || path === '/page.css') send(pageFile(path).type, pageFile(path).content);
    else if (path === '/api/v1/containers') send('application/json', JSON.stringify(floatie.answer));
    else if (path === '/readyz') send('application/json', JSON.stringify(floatie.readiness));
    else if (path === '/oom') send('application/json', JSON.stringify({ records: floatie.records.map(flatten) }));
    else response.writeHead(404).end();
  }
  return floatie;
}
