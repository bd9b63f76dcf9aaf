/**
 * Imported before everything else, so that neither a signal nor a variable lets anybody debug this process or dump its
 * memory. After SIGUSR1 Node would listen for debuggers, and whoever connects has Floatie's capabilities. Every way to
 * start passes --disable-sigusr1, too, which works before this file is loaded.
 */
const ignore = (): void => undefined;

/** NODE_OPTIONS can make a signal write a heap snapshot or a report. */
for (const signal of new Set(['SIGUSR1', 'SIGUSR2', signalForSnapshots()])) {
  if (signal === undefined) continue;
  if (signal === signalForSnapshots()) process.removeAllListeners(signal);
  process.on(signal, ignore);
}
Object.assign(process.report, { reportOnSignal: false, reportOnFatalError: false, reportOnUncaughtException: false });

// --inspect in the command line itself is allowed, to debug Floatie; a variable may come from somebody else.
if (process.features.inspector && !process.execArgv.some((argument) => argument.startsWith('--inspect'))) {
  const inspector = process.getBuiltinModule('node:inspector');
  if (inspector.url() !== undefined) inspector.close();
}

function signalForSnapshots(): string | undefined {
  return /--heapsnapshot-signal[=\s]+(\w+)/.exec(process.env.NODE_OPTIONS ?? '')?.[1];
}
