/**
 * Imported before everything else: nobody runs code in this process, or has its memory written down, by a signal or a
 * variable. Node would listen to debuggers after SIGUSR1, and whoever could connect would have Floatie's capabilities.
 * Every way to start has --disable-sigusr1 besides, which counts before this file does.
 */
const ignore = (): void => undefined;

/** Whatever NODE_OPTIONS lets it do: writing a heap snapshot, or a report. */
for (const signal of new Set(['SIGUSR1', 'SIGUSR2', signalForSnapshots()])) {
  if (signal === undefined) continue;
  if (signal === signalForSnapshots()) process.removeAllListeners(signal);
  process.on(signal, ignore);
}
Object.assign(process.report, { reportOnSignal: false, reportOnFatalError: false, reportOnUncaughtException: false });

// Whoever writes --inspect into the command itself debugs Floatie; a variable can be anybody's.
if (process.features.inspector && !process.execArgv.some((argument) => argument.startsWith('--inspect'))) {
  const inspector = process.getBuiltinModule('node:inspector');
  if (inspector.url() !== undefined) inspector.close();
}

function signalForSnapshots(): string | undefined {
  return /--heapsnapshot-signal[=\s]+(\w+)/.exec(process.env.NODE_OPTIONS ?? '')?.[1];
}
