/** Stands for the package of ffi-rs that holds its addon, which the single executable has inside. */
const { withPackaged } = require('../../src/program/packaged.ts');

withPackaged('ffi-rs.node', (file) => process.dlopen(module, file));
