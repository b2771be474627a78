/** @file Every argument of sd-scripts' train_network.py and sdxl_train_network.py. */
import type { KohyaTable } from './argument.ts';
import { courseArguments } from './course-arguments.ts';
import { datasetArguments } from './dataset-arguments.ts';
import { modelArguments } from './model-arguments.ts';

export const kohyaTable: KohyaTable = { ...modelArguments, ...datasetArguments, ...courseArguments };
