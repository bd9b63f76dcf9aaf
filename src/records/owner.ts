/** Fields for an owner: the attributes of metrics, with a prefix where the owner is not that of the record. */
import { attributesOf, OWNER, type OwnerName } from '../containers/attributes.ts';
import type { Identity } from '../containers/identity.ts';
import type { OptionalText } from './schema.ts';

type ContainerFields<Prefix extends string> = {
  readonly [Name in Exclude<OwnerName, 'cgroup'> as `${Prefix}${Name}`]: OptionalText;
};

/** The owner's fields without the cgroup's path. */
export function containerFields<P extends string>(prefix: P, meaning: string): ContainerFields<P> {
  const field = {
    type: 'string',
    meaning,
    absent:
      'the path of the cgroup does not name it; names also where no file of a runtime has them, or `containers.names` is off',
    isConvention: prefix === '',
  };
  const names = Object.keys(OWNER).filter((name) => name !== 'cgroup');
  return Object.fromEntries(names.map((name) => [prefix + name, field])) as ContainerFields<P>;
}

type OwnerValues<Prefix extends string> = { readonly [Name in OwnerName as `${Prefix}${Name}`]?: string };

export function ownerValues<P extends string>(prefix: P, owner: Identity | undefined): OwnerValues<P> {
  const values = owner === undefined ? [] : Object.entries(attributesOf(owner));
  return Object.fromEntries(values.map(([name, value]) => [prefix + name, value])) as OwnerValues<P>;
}
