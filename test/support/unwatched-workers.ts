/** Node's watch mode has a worker tell its imports by messages, which its owner then takes for answers. */
delete process.env.WATCH_REPORT_DEPENDENCIES;
