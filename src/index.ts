/** The API for other Node programs. */
export { ConfigError, loadConfig, type Sources } from './config/load.ts';
export type { Config } from './config/schema.ts';
export type { Readiness } from './program/health.ts';
export { createLogger, type Logger } from './program/log.ts';
export type { FlatRecord as OomRecord } from './records/encode.ts';
export { type Measurement, startMeasuring } from './service/measure.ts';
export { type Service, startService } from './service/service.ts';
