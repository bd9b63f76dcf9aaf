import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { sandboxOf } from '../../src/containers/roots.ts';

suite('a container has a kernel of its own', () => {
  const rows: [program: string, sandbox: ReturnType<typeof sandboxOf>][] = [
    ['/usr/local/bin/runsc', 'gVisor'],
    ['/opt/kata/bin/qemu-system-x86_64', 'a virtual machine'],
    ['/usr/bin/qemu-system-aarch64 (deleted)', null],
    ['/opt/kata/bin/cloud-hypervisor', 'a virtual machine'],
    ['/opt/kata/bin/firecracker', 'a virtual machine'],
    ['/usr/bin/runsc-like', null],
    ['/usr/bin/postgres', null],
    ['', null],
  ];
  for (const [program, sandbox] of rows) {
    test(`${sandbox ?? 'not'} by ${program || 'nothing'}`, () => assert.equal(sandboxOf(program), sandbox));
  }
});
