/** The API for other Node programs. */
export { ConfigError, loadConfig, type Sources } from './config/load.ts';
export type { Config } from './config/schema.ts';
export type { Readiness } from './health.ts';
export { createLogger, type Logger } from './log.ts';
export { type Measurement, startMeasuring } from './measure.ts';
export type { OomRecord } from './metrics/oom-record.ts';
export { type Service, startService } from './service.ts';
