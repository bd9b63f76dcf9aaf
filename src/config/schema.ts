/** Every setting: its type, default and reason. config/floatie.yaml shows the same to people; a test compares them. */
import type { Schema } from 'convict';
import { DEFAULT_PLACES } from '../containers/places.ts';
import type { AttributeAction } from '../metrics/attribute-actions.ts';
import { LOG_FORMATS } from '../program/log-lines.ts';
import { type ReceiverName, type ReceiverSettings, receiverNames, receivers } from '../receivers/index.ts';
import { choice, setting, type ValuesOf } from '../settings/setting.ts';
import {
  alternatives,
  anyText,
  boolean,
  integer,
  mapping,
  must,
  names,
  oneOf,
  type Shape,
  textMatching,
  texts,
} from '../settings/shapes.ts';
import { actions } from './actions.ts';
import { exporters } from './exporter-settings.ts';
import type { Inherited } from './inherited.ts';
import type { ViewConfig } from './view.ts';
import { views } from './views.ts';

export type { Exporters, OtlpConfig, PrometheusConfig } from './exporter-settings.ts';

export const EXPORTER_TYPES = ['prometheus', 'otlp', 'otlphttp', 'debug'] as const;
export type ExporterType = (typeof EXPORTER_TYPES)[number];
export const PROCESSOR_TYPES = ['attributes', 'filter'] as const;
export type ProcessorType = (typeof PROCESSOR_TYPES)[number];
/** The sections whose keys are types, with named instances such as `otlp/eu` beside them. */
export const INSTANCE_TYPES = { processors: PROCESSOR_TYPES, exporters: EXPORTER_TYPES } as const;
const DEFAULT_EXPORTERS: readonly ExporterType[] = ['prometheus', 'otlp'];
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/** The settings, and what the environment says beside them. */
export interface Config extends Settings {
  /** Never shown: may contain tokens and passwords. */
  readonly inherited: Inherited;
}

const receiverList = names(
  `a list of ${receiverNames.map((word) => `"${word}"`).join(', ')}`,
  oneOf(...receiverNames),
  {
    minItems: 1,
  },
);

/** The instances of a pipeline: `type`, or `type/name`. */
function instanceNames(types: readonly string[], example: string, minItems: number): Shape {
  const name = textMatching(new RegExp(`^(${types.join('|')})(/[A-Za-z0-9_-]+)?$`), 'a name');
  const be = `a list of ${alternatives(types)}, each with a name if wanted, such as "${example}"`;
  return names(be, name, { minItems });
}

const pidNamespace = must(
  '0 (all), "self", or a number from "readlink /proc/PID/ns/pid"',
  { anyOf: [{ enum: ['self'] }, integer(0, 0xffffffff).json] },
  (value) => value === 'self' || integer(0, 0xffffffff).problems(value, '').length === 0,
);

const cgroup = textMatching(
  /^((?!([\s\S]*\/)?\.\.(\/|$))(\/[^/\0]+)+)?$/,
  'empty (all), or a path below the root of the hierarchy, such as "/system.slice"',
);

/** A cgroup's path begins with a slash: another pattern would silently match nothing. */
const cgroupPatterns = texts(
  'a list of paths of cgroups that begin with "/" or "*", such as "/system.slice/*"',
  textMatching(/^[/*]/, 'a path'),
);

/** `*` stands for one whole folder: a pattern within a name would make Floatie list every user's files. */
const places = texts(
  'a list of absolute paths of folders, in which * stands for any one folder, such as "/home/*/.local/share/docker"',
  textMatching(/^(\/(\*|[^/*\0]+))+$/, 'a path'),
);

const ownerNames = must(
  'true or false, or "without_image"',
  { enum: [true, false, 'without_image'] },
  (value) => typeof value === 'boolean' || value === 'without_image',
);

const resource = mapping('a mapping of attribute names to texts', anyText, /[\s\S]/);

const sections = {
  kernel: {
    pid_ns_inum: setting<number | 'self'>(
      0,
      pidNamespace,
      'Measure only this PID namespace and those below it: 0 for all, "self" for Floatie\'s own, or the number in "readlink /proc/PID/ns/pid"',
      { needsRestart: true },
    ),
    cgroup: setting(
      '',
      cgroup,
      'Measure only this cgroup and those below it, by its path in /proc/PID/cgroup, such as "/kubepods.slice"; empty: all',
      { needsRestart: true },
    ),
    max_map_entries: setting(
      1024,
      integer(1, 65536),
      'How many cgroups get series of their own; all others share one with otel_metric_overflow="true"',
      { needsRestart: true },
    ),
    max_threads: setting(
      32_768,
      integer(1, 1_048_576),
      'How many threads that have used overlayfs are followed at a time; the operations of others are counted as missed',
      { needsRestart: true },
    ),
  },
  containers: {
    names: setting<boolean | 'without_image'>(
      'without_image',
      ownerNames,
      'The names that series and records have, from the files of runtimes: "without_image" for those of containers, pods and namespaces; true for those of images, too; false for none',
    ),
    places: {
      docker: setting<string[]>(
        [...DEFAULT_PLACES.docker],
        places,
        "docker's data-root; those in daemon.json and in the command line of a running dockerd are added",
      ),
      containerd: setting<string[]>(
        [...DEFAULT_PLACES.containerd],
        places,
        "containerd's state; those in config.toml and in the command line of a running containerd are added",
      ),
      storage: setting<string[]>(
        [...DEFAULT_PLACES.storage],
        places,
        'graphroot and runroot of podman and cri-o; those in storage.conf are added',
      ),
    },
    include: setting<string[]>(
      [],
      cgroupPatterns,
      'Only these cgroups get series: patterns for paths, with * and ?; empty: all',
    ),
    exclude: setting<string[]>(
      [],
      cgroupPatterns,
      'These cgroups get no series, even if they are included; their operations are counted in floatie_overlayfs_excluded_total',
    ),
  },
  processors: {
    attributes: {
      actions: setting<AttributeAction[]>(
        [],
        actions,
        'Actions on the attributes of every point, in order: insert, update, upsert, delete',
      ),
    },
    filter: {
      cgroups: {
        include: setting<string[]>([], cgroupPatterns, 'As containers.include; a cgroup has to pass both'),
        exclude: setting<string[]>([], cgroupPatterns, 'As containers.exclude, in addition to it'),
      },
      pid_ns_inum: setting<number | 'self'>(
        0,
        pidNamespace,
        'As kernel.pid_ns_inum; a different namespace there is an error',
      ),
    },
  },
  exporters,
  views: setting<ViewConfig[]>(
    [],
    views,
    'OpenTelemetry views, which rename, drop, filter attributes, and change bounds and limits',
  ),
  service: {
    pipelines: {
      metrics: {
        receivers: setting<ReceiverName[]>([...receiverNames], receiverList, 'The receivers in use', {
          needsRestart: true,
        }),
        processors: setting<string[]>(
          [],
          instanceNames(PROCESSOR_TYPES, 'attributes/short', 0),
          'The processors in use, in their order: a type, or type/name',
        ),
        exporters: setting<string[]>(
          [...DEFAULT_EXPORTERS],
          instanceNames(EXPORTER_TYPES, 'otlp/eu', 1),
          'The exporters in use: a type, or type/name',
        ),
      },
    },
    history: setting(
      true,
      boolean,
      'Keeps the last five minutes of each container in memory, for /api/v1/containers, "floatie explain" and records of OOM kills',
      { needsRestart: true },
    ),
    telemetry: {
      log_level: choice('info', LOG_LEVELS, 'The lowest level of the log: "debug", "info", "warn" or "error"'),
      log_format: choice(
        'text',
        LOG_FORMATS,
        '"text" for people; for programs "json", one object a line, or "logfmt", pairs such as level=info',
      ),
      resource: setting<Record<string, string>>(
        {},
        resource,
        'Further resource attributes, such as deployment.environment.name',
      ),
    },
  },
};

/** Instances of processors and exporters that are named `type/name` are further keys, which src/config/pipeline.ts reads. */
export type Settings = ValuesOf<typeof sections> & { receivers: ReceiverSettings };
export type Processors = Settings['processors'];

const { kernel, containers, ...others } = sections;
export const schema = {
  kernel,
  containers,
  receivers: Object.fromEntries(receivers.map(({ name, settings }) => [name, settings])),
  ...others,
} as unknown as Schema<Settings>;
