/** @file The product's runners, with the names of the library, which a child only reads. */
import { openLibrary } from '../../library/index.ts';
import { checkDevice } from '../../workbench/index.ts';
import { openNames } from '../names.ts';
import { openRunners } from '../runners/index.ts';
import type { RunnerModule } from './main.ts';

export const openRunnerSet: RunnerModule['openRunnerSet'] = async (data, device = 'cpu') => {
  checkDevice(device);
  const runners = openRunners({ device });
  const names = openNames(data, openLibrary(data, { readOnly: true }));
  return { names, openRunner: async kind => runners.open(kind) };
};
