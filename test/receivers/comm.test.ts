import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decodeComm, normaliseComm } from '../../src/receivers/comm.ts';

suite('the name of a task', () => {
  const rows: [string, number[] | string, string][] = [
    ['ends at the NUL', 'nginx\0\0\0\0\0\0\0\0\0\0\0', 'nginx'],
    ['ends at the first NUL, whatever an earlier name left behind it', 'sh\0ld-name\0\0\0\0\0\0', 'sh'],
    ['is empty when it begins with a NUL', '\0bash', ''],
    ['without a NUL is all there is', 'exactly16letters', 'exactly16letters'],
    ['without any byte is empty', '', ''],
    ['may have spaces, quotes, backslashes and braces', `a "b" 'c' \\{d}\0`, `a "b" 'c' \\{d}`],
    ['may have letters beyond ASCII', 'größe-日本\0', 'größe-日本'],
    ['may have signs beyond 16 bits', '🐳🐳\0', '🐳🐳'],
    ['has a mark for a byte that begins nothing', [0x61, 0xff, 0x62, 0], 'a\uFFFDb'],
    ['has a mark for a letter that was cut off', [0x61, 0xc3, 0], 'a\uFFFD'],
    [
      'has a mark for a letter that was cut off at the last byte',
      [...Buffer.from('exactly15letter'), 0xc3],
      'exactly15letter\uFFFD',
    ],
    ['has a mark for each byte of a surrogate', [0xed, 0xa0, 0x80, 0], '\uFFFD\uFFFD\uFFFD'],
    ['has marks for a letter that is written too long', [0xc0, 0xaf, 0], '\uFFFD\uFFFD'],
    ['has a mark for a newline', 'a\nb\0', 'a\uFFFDb'],
    ['has a mark for each control character', '\x01\t\r\x1b[31m\x7f\0', '\uFFFD\uFFFD\uFFFD\uFFFD[31m\uFFFD'],
    ['has a mark for a control character beyond ASCII', 'a\u0085b\u009f\0', 'a\uFFFDb\uFFFD'],
    ['has a mark for what some programs take for a newline', 'a\u2028b\u2029\0', 'a\uFFFDb\uFFFD'],
  ];
  for (const [name, bytes, expected] of rows) {
    test(name, () => assert.equal(decodeComm(Buffer.from(bytes as string)), expected));
  }

  test('is text that OTLP takes, whatever the sixteen bytes', () => {
    for (let first = 1; first < 256; first++) {
      for (const second of [0, 0x20, 0x80, 0xa0, 0xbf, 0xc3, 0xff]) {
        const comm = decodeComm(Uint8Array.of(first, second, first, 0));
        assert.ok(comm.isWellFormed() && !/\p{Cc}/u.test(comm), JSON.stringify(comm));
      }
    }
  });
});

suite('a process is counted under', () => {
  const rows: [string, string][] = [
    ['kworker/3:1', 'kworker'],
    ['kworker/u16:0-events_unbound', 'kworker'],
    ['kworker/0:0H-kblockd', 'kworker'],
    ['kworker/R-netns', 'kworker'],
    ['kworker', 'kworker'],
    ['kworkers', 'kworkers'],
    ['my-kworker/1', 'my-kworker'],
    ['kswapd0', 'kswapd0'],
    ['iou-wrk-1234', 'iou-wrk'],
    ['vhost-1234', 'vhost'],
    ['pool-1-thread-17', 'pool-thread'],
    ['pool-1-thread-', 'pool-thread-'],
    ['ksoftirqd/0', 'ksoftirqd'],
    ['irq/24-eth0', 'irq-eth0'],
    ['worker_7', 'worker'],
    ['worker-7-2', 'worker'],
    ['worker #7', 'worker'],
    ['worker: 7', 'worker'],
    ['worker 7', 'worker'],
    ['{}=,"} 1', '{}=,"} 1'],
    ['gang[12]', 'gang'],
    ['job.1234', 'job'],
    ['Thread-17 (run)', 'Thread (run)'],
    ['17-worker', 'worker'],
    ['tokio-runtime-w', 'tokio-runtime-w'],
    ['grpc-default-ex', 'grpc-default-ex'],
    ['G1 Conc#0', 'G1 Conc'],
    ['python3.11', 'python3.11'],
    ['x86_64-linux-gn', 'x86_64-linux-gn'],
    ['qemu-system-x86', 'qemu-system-x86'],
    ['bash-5.1', 'bash-5.1'],
    ['php-fpm8.2', 'php-fpm8.2'],
    ['1234', '1234'],
    ['-1', '-1'],
    ['', ''],
  ];
  for (const [comm, expected] of rows) {
    test(`"${expected}" when it is called "${comm}"`, () => {
      assert.equal(normaliseComm(comm), expected);
      assert.equal(normaliseComm(expected), expected);
    });
  }
});
