import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { lastUsefulLine, textOf } from '../../../src/native/libbpf/verifier.ts';

suite('the line of a verifier log that says why', () => {
  const rows: [string, string, string][] = [
    [
      'a pointer that may be NULL (5.10)',
      `func#0 @0
0: R1=ctx(id=0,off=0,imm=0) R10=fp0
; int handle(struct ctx *ctx)
0: (b7) r1 = 0
; value = bpf_map_lookup_elem(&map, &key);
8: (85) call bpf_map_lookup_elem#1
9: R0_w=map_value_or_null(id=1,off=0,ks=4,vs=8,imm=0) R10=fp0 fp-8=mmmm????
; *value += 1;
9: (79) r1 = *(u64 *)(r0 +0)
R0 invalid mem access 'map_value_or_null'
processed 10 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
`,
      "R0 invalid mem access 'map_value_or_null'",
    ],
    [
      'a helper that the program type may not call',
      `0: R1=ctx() R10=fp0
; bpf_override_return(ctx, 0); @ x.bpf.c:12
0: (b4) w2 = 0                        ; R2_w=0
1: (85) call bpf_override_return#58
program of this type cannot use helper bpf_override_return#58
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0`,
      'program of this type cannot use helper bpf_override_return#58',
    ],
    [
      'a helper that an old kernel does not know',
      '5: (85) call unknown#220\ninvalid func unknown#220\nprocessed 6 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n',
      'invalid func unknown#220',
    ],
    [
      'an access outside of a map value, after states and a backtrack',
      `from 12 to 14: R0=map_value(off=0,ks=4,vs=8,imm=0) R6=scalar() R10=fp0
14: (0f) r0 += r6
mark_precise: frame0: last_idx 14 first_idx 0 subseq_idx -1
mark_precise: frame0: regs=r6 stack= before 12: (15) if r6 == 0x0 goto pc+1
last_idx 14 first_idx 12
regs=40 stack=0 before 12: (15) if r6 == 0x0 goto pc+1
parent didn't have regs=40 stack=0 marks
R0 unbounded memory access, make sure to bounds check any such access
verification time 410 usec
stack depth 16
processed 15 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1
`,
      'R0 unbounded memory access, make sure to bounds check any such access',
    ],
    [
      'a register nobody has written',
      '0: R1=ctx() R10=fp0\n0: (bf) r0 = r2\nR2 !read_ok\nprocessed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
      'R2 !read_ok',
    ],
    [
      'a program that is too long',
      'BPF program is too large. Processed 1000001 insn\nprocessed 1000001 insns (limit 1000000) max_states_per_insn 12 total_states 300 peak_states 200 mark_read 9\n',
      'BPF program is too large. Processed 1000001 insn',
    ],
    [
      'a function that cannot be traced',
      'attach to unsupported member f_inode of struct file\nprocessed 0 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n',
      'attach to unsupported member f_inode of struct file',
    ],
    [
      'a wrong register, although it begins as a state does',
      '3: (85) call bpf_probe_read_kernel#113\nR1 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem\nprocessed 4 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n',
      'R1 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem',
    ],
    ['a line alone', 'Unreleased reference id=2 alloc_insn=5', 'Unreleased reference id=2 alloc_insn=5'],
    ['an empty log', '', ''],
    ['a log with nothing but instructions', '0: (b7) r0 = 0\n1: (95) exit\nprocessed 2 insns (limit 1000000)', ''],
    ['spaces around', '  arg 1 is not a pointer  \n\n', 'arg 1 is not a pointer'],
  ];
  for (const [name, log, expected] of rows) test(name, () => assert.equal(lastUsefulLine(log), expected));
});

suite('the text in a buffer that C filled', () => {
  test('ends at its NUL', () => assert.equal(textOf(Buffer.from('abc\0def')), 'abc'));
  test('is empty where the NUL comes first', () => assert.equal(textOf(Buffer.alloc(16)), ''));
  test('is everything where C found no room for the NUL', () => assert.equal(textOf(Buffer.from('abc')), 'abc'));
  test('is read as UTF-8', () => assert.equal(textOf(Buffer.from('µs\0')), 'µs'));
});
