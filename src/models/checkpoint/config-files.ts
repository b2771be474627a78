/** @file The config files of a checkpoint, validated and turned into our configurations. */
export { readClipConfig } from './clip-config.ts';
export { checkModelIndex, readZerosForNoText } from './model-index.ts';
export { readSchedulerConfig, type SchedulerConfig } from './scheduler-config.ts';
export { readUnetConfig } from './unet-config.ts';
export { readVaeConfig } from './vae-config.ts';
