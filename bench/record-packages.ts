/** Preloaded into Floatie: tells which packages its own modules import. */
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';

registerHooks({
  resolve(specifier, context, nextResolve) {
    const isOwn = context.parentURL?.includes('/dist/') && !context.parentURL.includes('/node_modules/');
    if (isOwn && !/^(\.|node:|file:)/.test(specifier)) writeSync(2, `imported package ${specifier}\n`);
    return nextResolve(specifier, context);
  },
});
