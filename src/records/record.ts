/** What the records of OOM kills are: the same for the log, the list at /oom and the OTLP log. */

export type OomField = string | number | boolean;

/** Flat, but for the members: those that were killed with the victim. What is not known is absent. */
export interface OomRecord {
  readonly [name: string]: OomField | readonly OomMember[];
}

export type OomMember = Readonly<Record<string, OomField>>;
