/** The API for other Node programs. */
export { ConfigError, loadConfig, type Sources } from './config/load.ts';
export type { Config } from './config/schema.ts';
export { createLogger, type Logger } from './log.ts';
export { type Service, startService } from './service.ts';
