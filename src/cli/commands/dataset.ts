/** @file `lora dataset`: what is wrong with a set of pictures, and its captions in bulk. */
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import { type Goal, goals, whatToDo } from '../../dataset/index.ts';
import { LoraError } from '../../errors.ts';
import { writeFileAtomic } from '../../files/index.ts';
import type { Recipe } from '../../training/index.ts';
import {
  dataFolderAt,
  datasetFacts,
  measureCacheIn,
  measureSet,
  readerOfBase,
  readerOfFamily,
} from '../../workbench/index.ts';
import { type BaseOptions, openBase, withBase } from '../base.ts';
import { datasetPage } from '../dataset-report/page.ts';
import { describeDataset } from '../dataset-report/text.ts';
import { choiceOption, integerOption, sizeOption } from '../numbers.ts';
import { interruptible, openTerminal } from '../terminal.ts';
import { captionCommand } from './dataset-caption.ts';

interface Options extends BaseOptions {
  goal?: Goal;
  trigger?: string;
  caption?: string;
  resolution?: Recipe['resolution'];
  batch?: number;
  html?: string;
  json: boolean;
}

/** More pictures are shown smaller, so that the page stays below some megabytes. */
const thumbnailSideFor = (pictures: number): number => (pictures <= 120 ? 320 : 160);

function checkPage(path: string | undefined): void {
  if (path === undefined || !existsSync(path)) return;
  throw new LoraError('WRITE_EXISTS', `${path} is there already`, { hint: 'Move it away.' });
}

async function report(data: string[], options: Options, command: Command): Promise<void> {
  checkPage(options.html);
  const terminal = openTerminal(options.json);
  const signal = interruptible(() => terminal.note('stopping …'));
  const isBaseGiven = command.getOptionValueSource('base') !== 'default';
  const { family } = options;
  const reader =
    !isBaseGiven && family !== undefined && family !== 'pocket'
      ? readerOfFamily(family)
      : readerOfBase(openBase(options, text => terminal.note(text)));
  const { report: result, run } = await measureSet({
    ...{ data, reader, goal: options.goal, signal, cache: measureCacheIn(dataFolderAt().cache) },
    said: {
      resolution: options.resolution,
      batch: options.batch,
      caption: options.caption,
      trigger: options.trigger,
    },
    thumbnailSideFor: options.html ? thumbnailSideFor : undefined,
    onProgress: (what, done, total) => terminal.progress(`${what} pictures  ${done}/${total}`),
  });
  if (options.html) {
    const page = new TextEncoder().encode(datasetPage(result, run));
    await writeFileAtomic(options.html, page, { keepExisting: true });
  }
  const text = [
    describeDataset(result, run),
    ...(options.html ? ['', `with pictures: ${options.html}`] : []),
  ];
  terminal.result({ ...datasetFacts(result, run), toDo: whatToDo(result.findings).length }, text.join('\n'));
}

function reportCommand(): Command {
  return withBase(new Command('report'))
    .description(
      'what is wrong with a set of pictures, picture by picture and as a whole, and what to do first',
    )
    .argument('<data...>', 'folders with pictures, data set files of sd-scripts')
    .addOption(
      new Option('--goal <what>', 'what the LoRA is for: character, style, object or subject').argParser(
        choiceOption(
          '--goal',
          Object.fromEntries(Object.keys(goals).map(goal => [goal, goal as Goal])),
          'character, style, object or subject',
        ),
      ),
    )
    .option('--trigger <word>', 'the word that calls the LoRA, as for lora train')
    .option('--caption <text>', 'for pictures without a caption file, as for lora train')
    .option(
      '--resolution <size>',
      'N or WxH; pictures go to buckets of about this area',
      sizeOption('--resolution'),
    )
    .option('--batch <n>', 'pictures a step', integerOption('--batch'))
    .option('--html <file>', 'also write one page with pictures and crops, which needs no other file')
    .option('--json', 'machine-readable result on stdout', false)
    .action(report);
}

export function datasetCommand(): Command {
  return new Command('dataset')
    .description('look at a set of pictures before training, and edit its captions')
    .addCommand(reportCommand())
    .addCommand(captionCommand());
}
