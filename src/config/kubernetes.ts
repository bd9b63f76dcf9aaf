/**
 * The variables that Kubernetes sets in every container for each Service of its namespace, such as
 * FLOATIE_METRICS_SERVICE_HOST for the Service floatie-metrics:
 * https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */

const NAME = /_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;
const LINK = /^(tcp|udp|sctp):\/\//;

/** A variable of a setting can also end in `_PORT`, but its value is never a link such as `tcp://10.0.0.1:80`. */
export function isOfKubernetes(name: string, value: string): boolean {
  return NAME.test(name) || (name.endsWith('_PORT') && LINK.test(value));
}
