import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { COMMANDS, parseArguments } from '../../src/commands/arguments.ts';
import { usage, usageOf } from '../../src/commands/usage.ts';

const ENV = { FLOATIE_EXPORTERS_PROMETHEUS_PORT: '1' };

function parse(...argv: string[]): ReturnType<typeof parseArguments> {
  return parseArguments(argv, ENV);
}

function sourcesOf(...argv: string[]) {
  return parse(...argv).sources;
}

suite('the command', () => {
  test('is run where none is named', () => assert.equal(parse().command, 'run'));

  for (const command of COMMANDS) {
    test(`is ${command} where that is named`, () => assert.equal(parse(command).command, command));
  }

  test('doctor prints JSON where that is asked for', () => {
    assert.deepEqual([parse('doctor').json, parse('doctor', '--json').json], [false, true]);
  });

  test('is one with JSON where --json is', () => {
    const having = '"doctor", "validate", "print-config"';
    assert.throws(() => parse('run', '--json'), new RegExp(`"--json" is a flag of ${having}.*, not of "run"`));
    for (const command of ['validate', 'print-config']) assert.equal(parse(command, '--json').json, true);
  });

  test('may come before its flags', () => assert.equal(parse('validate', '--set', 'a=b').command, 'validate'));
  test('may come after its flags', () => assert.equal(parse('--set', 'a=b', 'validate').command, 'validate'));
  test('is help for --help', () => assert.equal(parse('--help').command, 'help'));
  test('is help for -h', () => assert.equal(parse('-h').command, 'help'));
  test('is help, about a command where one is named', () => {
    for (const argv of [
      ['help', 'validate'],
      ['validate', '--help'],
      ['-h', 'validate'],
    ]) {
      const { command, operands } = parse(...argv);
      assert.deepEqual([command, operands], ['help', ['validate']]);
    }
    assert.deepEqual(parse('help').operands, []);
  });
  test('is help for a command with --help', () => assert.equal(parse('validate', '--help').command, 'help'));
  test('is version for --version', () => assert.equal(parse('--version').command, 'version'));
  test('is version for -v', () => assert.equal(parse('-v').command, 'version'));
  test('is licenses for --licenses', () => assert.equal(parse('--licenses').command, 'licenses'));
});

suite('a flag is understood in both forms:', () => {
  const rows: [string, string, (sources: ReturnType<typeof sourcesOf>) => unknown, unknown][] = [
    ['--config', '/a/b.yaml', ({ file }) => file, '/a/b.yaml'],
    ['--set', 'views=[a=b]', ({ set }) => set, ['views=[a=b]']],
    [
      '--pid-ns-inum',
      'self',
      ({ flags }) => flags,
      [{ flag: '--pid-ns-inum', key: 'kernel.pid_ns_inum', value: 'self' }],
    ],
    [
      '--pid-ns-inum',
      '4026531836',
      ({ flags }) => flags,
      [{ flag: '--pid-ns-inum', key: 'kernel.pid_ns_inum', value: '4026531836' }],
    ],
    [
      '--max-map-entries',
      '64',
      ({ flags }) => flags,
      [{ flag: '--max-map-entries', key: 'kernel.max_map_entries', value: '64' }],
    ],
  ];
  for (const [flag, value, get, expected] of rows) {
    test(`${flag} ${value}`, () => assert.deepEqual(get(sourcesOf(flag, value)), expected));
    test(`${flag}=${value}`, () => assert.deepEqual(get(sourcesOf(`${flag}=${value}`)), expected));
  }
});

suite('flags', () => {
  test('that are not there leave nothing behind', () => {
    const { set, flags } = sourcesOf();
    assert.deepEqual([set, flags], [[], []]);
  });

  test('are all there when --set is given several times, in order', () => {
    assert.deepEqual(sourcesOf('--set', 'a=1', '--set=b=2', '--set', 'a=3').set, ['a=1', 'b=2', 'a=3']);
  });

  test('win one by one: the last --config counts', () => {
    assert.equal(sourcesOf('--config', 'a.yaml', '--config=b.yaml').file, 'b.yaml');
  });

  test('leave the environment to the configuration', () => assert.deepEqual(sourcesOf().env, ENV));
});

suite('a command line that cannot be understood is a usage error:', () => {
  const rows: [string, string[], string | RegExp][] = [
    ['an unknown command', ['start'], 'Unknown command "start"'],
    ['a misspelt command', ['validat'], 'Unknown command "validat"; did you mean "validate"?'],
    ['two commands', ['validate', 'run'], 'Unexpected argument "run" after "validate"'],
    ['an unknown flag', ['--colour'], 'Unknown flag "--colour"'],
    ['an unknown flag with a value', ['--colour=red'], 'Unknown flag "--colour"'],
    ['a misspelt flag', ['--confg', 'a'], 'Unknown flag "--confg"; did you mean "--config"?'],
    ['a short flag, named as it was written', ['-x'], 'Unknown flag "-x"'],
    ['a flag without its value', ['--config'], /--config.*argument missing/],
    ['a flag that takes no value', ['--help=yes'], /--help.*does not take an argument/],
    ['a value that looks like a flag', ['--config', '--help'], /--config.*ambiguous/],
  ];
  for (const [name, argv, message] of rows) {
    test(name, () => assert.throws(() => parse(...argv), { name: 'UsageError', message }));
  }
});

suite('the help', () => {
  for (const command of COMMANDS) {
    test(`tells of the command ${command}`, () => assert.match(usage, new RegExp(`^  ${command} `, 'm')));
  }
  for (const flag of ['--config', '--set', '--pid-ns-inum', '--max-map-entries', '--help', '--version', '--licenses']) {
    test(`tells of the flag ${flag}`, () => assert.match(usage, new RegExp(`^  ${flag}\\b`, 'm')));
  }
  for (const command of COMMANDS) {
    test(`of ${command} has its flags, and fits on a terminal`, () => {
      const text = usageOf(command);
      assert.match(text, new RegExp(`^Usage: floatie ${command}\\b.*\\[flags\\]\n`));
      assert.match(text, /^ {2}--set KEY=VALUE /m);
      assert.ok(text.split('\n').every((line) => line.length <= 100));
    });
  }
  test('of a command that does not exist is a usage error', () => {
    assert.throws(() => usageOf('validat'), { name: 'UsageError', message: /did you mean "validate"/ });
  });
  test('fits on a terminal', () => assert.ok(usage.split('\n').every((line) => line.length <= 100)));
});
