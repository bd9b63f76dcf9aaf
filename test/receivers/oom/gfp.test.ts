import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { gfpNames } from '../../../src/receivers/oom/gfp.ts';

// As kernels wrote them in their own reports.
const rows: [number, string][] = [
  [0xcc0, 'GFP_KERNEL'],
  [0x400cc0, 'GFP_KERNEL_ACCOUNT'],
  [0x100cca, 'GFP_HIGHUSER_MOVABLE'],
  [0x500cc2, 'GFP_HIGHUSER|__GFP_ACCOUNT'],
  [0x140cca, 'GFP_HIGHUSER_MOVABLE|__GFP_COMP'],
  [0x1100cca, 'GFP_HIGHUSER_MOVABLE|0x1000000'],
  [0x6200c2, '__GFP_HIGHMEM|__GFP_IO|__GFP_FS|__GFP_MEMALLOC|__GFP_THISNODE|__GFP_ACCOUNT'],
  [0xdc0, 'GFP_KERNEL|__GFP_ZERO'],
  [0xc40, 'GFP_NOFS'],
  [0x820, 'GFP_ATOMIC'],
  [0x800, 'GFP_NOWAIT'],
  [0, '0x0'],
  [0x80000000, '0x80000000'],
];

suite('the names of allocation flags', () => {
  for (const [mask, names] of rows) {
    test(`0x${mask.toString(16)} is ${names}`, () => assert.equal(gfpNames(mask), names));
  }
});
