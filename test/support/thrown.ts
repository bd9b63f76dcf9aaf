/** Hostile thrown values, which their readers must survive. */
import { runInNewContext } from 'node:vm';

class Unreadable extends Error {
  override get message(): string {
    throw new Error('nobody reads this');
  }
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circle(): AggregateError {
  const errors: unknown[] = [];
  const error = new AggregateError(errors, 'round and round');
  error.errors.push(error);
  return error;
}

export const THROWN: Readonly<Record<string, unknown>> = {
  'an error': new Error('broken'),
  'an error without a message': new TypeError(),
  'an error of another realm': runInNewContext('new Error("from elsewhere")'),
  'an error whose message cannot be read': new Unreadable(),
  'an error whose message is no text': Object.assign(new Error(), { message: { toString: null } }),
  'several errors': new AggregateError([new Error('one'), undefined, 'two'], 'all'),
  'an error that is its own cause': circle(),
  undefined,
  null: null,
  'a text': 'broken',
  'an empty text': '',
  'a number': 0,
  'a symbol': Symbol('broken'),
  'an object': { code: 'EBROKEN' },
  'an object whose getter throws': {
    get message(): string {
      throw new Error('nobody reads this');
    },
  },
  'an object without a prototype': Object.create(null),
  'an object that cannot be touched': revoked(),
  'an object that describes itself badly': {
    [Symbol.toPrimitive]() {
      throw new Error('nobody converts this');
    },
    [Symbol.for('nodejs.util.inspect.custom')]() {
      throw new Error('nobody looks at this');
    },
  },
};
