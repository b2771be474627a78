/**
 * @file What a picture is foreseen to take of memory beside what `lora generate` takes, as a table: the highest resident
 * memory of each command, in a process of its own. Numbers of steps change nothing, so each picture has one.
 *
 *     node tools/measure-generate.ts <SD 1.5 checkpoint> [case …]
 *
 * `tools/make-checkpoint.ts` makes a checkpoint with random weights.
 */
import { measureCommand } from '../src/cli/bench/processes.ts';
import { forecastGeneration } from '../src/generation/index.ts';
import { openCheckpoint } from '../src/models/index.ts';

interface Case {
  readonly name: string;
  readonly isPocket?: boolean;
  readonly side: number;
  readonly pictures: number;
}

const cases: readonly Case[] = [
  { name: 'pocket', isPocket: true, side: 64, pictures: 1 },
  { name: 'pocket, 4 at once', isPocket: true, side: 64, pictures: 4 },
  ...[256, 512, 768].flatMap(side =>
    [1, 2].map(pictures => ({ name: `${side}², ${pictures} at once`, side, pictures })),
  ),
  { name: '1024² in tiles', side: 1024, pictures: 1 },
];

const [base, ...wanted] = process.argv.slice(2);
if (!base) {
  console.error('usage: measure-generate <SD 1.5 checkpoint> [case …]');
  process.exit(2);
}
console.log(
  '| picture with guidance | foreseen, UNet kept while decoding | UNet closed before | taken | difference, kept | closed |',
);
console.log('| --- | --- | --- | --- | --- | --- |');
for (const { name, isPocket, side, pictures } of cases) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const path = isPocket ? 'pretrained/pocket' : base;
  const checkpoint = openCheckpoint(path);
  const tokens = checkpoint.textEncoder.config.maxTokens;
  const sizes = { rows: 2 * pictures, width: side, height: side, tokens };
  const [kept, closed] = [true, false].map(
    keepsUnet => forecastGeneration(checkpoint, sizes, { keepsUnet }).peakBytes,
  );
  const counts = ['--count', String(pictures), '--batch', String(pictures)];
  const size = ['--size', `${side}x${side}`, '--steps', '1', '--seed', '1'];
  const words = ['generate', 'a green frog', '--base', path, ...size, ...counts, '--out', '{scratch}/out'];
  const { peakBytes } = await measureCommand(words, []);
  const gib = [kept, closed, peakBytes].map(bytes => `${(bytes / 2 ** 30).toFixed(3)} GiB`);
  const differences = [kept, closed].map(bytes => `${(100 * (bytes / peakBytes - 1)).toFixed(1)} %`);
  console.log(`| ${[name, ...gib, ...differences].join(' | ')} |`);
}
