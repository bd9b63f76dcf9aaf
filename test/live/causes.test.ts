/** Operations that are slow for a known cause: it has the largest part of their time, and all parts are the whole. */
import { suite, test } from 'node:test';
import { lacksFullDisk } from '../support/full-disk.ts';
import { missing } from '../support/requirements.ts';
import { assertStaged } from '../support/staged.ts';
import { STAGES } from '../support/stages.ts';

suite('what operations wait for', { skip: lacksFullDisk ?? missing('root', 'btf', 'fuse') }, () => {
  for (const stage of STAGES) test(`is ${stage.title}`, (context) => assertStaged(stage, context));
});
