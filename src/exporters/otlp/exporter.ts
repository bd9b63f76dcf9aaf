/** Exports by OTLP over a transport, and reports the endpoint's answer. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { ProtobufLogsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { ReadableLogRecord } from '@opentelemetry/sdk-logs';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { Verdict } from '../../program/health.ts';
import { errorOf } from '../../program/reason.ts';
import type { Remark } from './answer.ts';
import { metricsByContainer, recordsByContainer } from './by-container.ts';

export interface Transport {
  /**
   * Sends one request.
   *
   * @returns the endpoint's remark on an accepted request, or null
   * @throws the reason why the request failed
   */
  send(request: Uint8Array): Promise<Remark | null>;
  /** Closes the connection. */
  shutdown(): void;
}

/** The result of an export; a success can come with a verdict. */
export interface Outcome extends ExportResult {
  readonly verdict?: Verdict;
}

export class OtlpExporter<Items> {
  readonly #serialize: (items: Items) => Uint8Array | undefined;
  readonly #count: (items: Items) => number;
  readonly #transport: Transport;
  readonly #underWay = new Set<Promise<void>>();

  constructor(
    serialize: (items: Items) => Uint8Array | undefined,
    count: (items: Items) => number,
    transport: Transport,
  ) {
    this.#serialize = serialize;
    this.#count = count;
    this.#transport = transport;
  }

  export(items: Items, done: (outcome: Outcome) => void): void {
    const ended = this.#send(items).then(
      (verdict) => done({ code: ExportResultCode.SUCCESS, ...(verdict !== null && { verdict }) }),
      (thrown: unknown) => done({ code: ExportResultCode.FAILED, error: errorOf(thrown) }),
    );
    this.#underWay.add(ended);
    void ended.finally(() => this.#underWay.delete(ended));
  }

  async #send(items: Items): Promise<Verdict | null> {
    const request = this.#serialize(items);
    if (request === undefined) throw new Error('the data cannot be written as OTLP');
    const remark = await this.#transport.send(request);
    const sent = this.#count(items);
    // An endpoint cannot reject more than was sent, whatever it claims.
    return remark === null ? null : { ...remark, rejected: Math.min(remark.rejected, sent), sent };
  }

  async forceFlush(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    this.#transport.shutdown();
  }
}

/** @param isByContainer whether each container has a resource of its own */
export function metricsExporter(transport: Transport, isByContainer = false): OtlpExporter<ResourceMetrics> {
  const count = ({ scopeMetrics }: ResourceMetrics): number =>
    scopeMetrics.flatMap(({ metrics }) => metrics).reduce((sum, { dataPoints }) => sum + dataPoints.length, 0);
  const serialize = (metrics: ResourceMetrics) => ProtobufMetricsSerializer.serializeRequest(metrics);
  // Protobuf merges messages that follow each other.
  const serializeAll = (metrics: ResourceMetrics): Uint8Array =>
    Buffer.concat(metricsByContainer(metrics).flatMap((each) => serialize(each) ?? []));
  return new OtlpExporter(isByContainer ? serializeAll : serialize, count, transport);
}

/** @param isByContainer whether each container has a resource of its own */
export function logsExporter(transport: Transport, isByContainer = false): OtlpExporter<ReadableLogRecord[]> {
  return new OtlpExporter(
    (records) => ProtobufLogsSerializer.serializeRequest(isByContainer ? recordsByContainer(records) : records),
    (records) => records.length,
    transport,
  );
}
