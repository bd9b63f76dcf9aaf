/**
 * What the environment says that no setting says. It is part of the loaded configuration, so that nothing that is
 * configured reads a variable itself.
 */
import { type Env, isSdkDisabled } from './environment.ts';
import { type OtlpVariables, otlpVariables } from './otlp-variables.ts';
import { type Proxies, proxiesOf } from './proxies.ts';

export interface Inherited {
  /** OTEL_SDK_DISABLED: nothing is to be measured or exported. */
  readonly isDisabled: boolean;
  /** K8S_NODE_NAME or NODE_NAME; null without either. */
  readonly nodeName: string | null;
  /** CONTAINERS_STORAGE_CONF: the file that podman and cri-o read instead of those in their usual places; empty: none. */
  readonly storageConf: string;
  readonly otlp: OtlpVariables;
  readonly proxies: Proxies;
}

export function inheritedFrom(env: Env): Inherited {
  return {
    isDisabled: isSdkDisabled(env),
    nodeName: env.K8S_NODE_NAME ?? env.NODE_NAME ?? null,
    storageConf: env.CONTAINERS_STORAGE_CONF ?? '',
    otlp: otlpVariables(env),
    proxies: proxiesOf(env),
  };
}
