import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { runHere } from '../../../test/support/command-line.ts';
import { pictureFolder, stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import {
  drawFigure,
  drawScene,
  places,
  poses,
  redPlace,
  type Scene,
} from '../../../test/support/planted/scenes.ts';
import { scanFolder } from '../../dataset/index.ts';
import { randomStream } from '../../engine/index.ts';
import { datasetCommand } from './dataset.ts';
import { trainCommand } from './train.ts';

interface Facts {
  used: number;
  different: number;
  findings: { code: string; severity: string; text: string; action?: string; pictures: string[] }[];
  buckets: { width: number; height: number; pictures: number }[];
  pictures: {
    picture: string;
    caption: string;
    tokens: number;
    crop: object;
    bucket: object;
    resized: object;
  }[];
  trigger: { word?: string; present: number; of: number };
}

async function facts(folder: string, ...options: string[]): Promise<Facts> {
  const { status, stdout, stderr } = await runHere(datasetCommand(), 'report', folder, '--json', ...options);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Facts;
}

describe('the report is of the run that would follow', () => {
  test('buckets are those of `lora train --plan`', async () => {
    const folder = pictureFolder(7);
    const { buckets } = await facts(folder);
    const plan = await runHere(trainCommand(), folder, '--plan', '--json');
    const planned = (JSON.parse(plan.stdout) as { buckets: Record<string, number> }).buckets;
    expect(
      Object.fromEntries(buckets.map(({ width, height, pictures }) => [`${width}x${height}`, pictures])),
    ).toEqual(planned);
  });

  test('captions are those of the scan with a trigger word', async () => {
    const folder = pictureFolder(4);
    writeFileSync(join(folder, '1.txt'), 'plirb, with stripes');
    writeFileSync(join(folder, '2.txt'), '');
    const { pictures, trigger } = await facts(folder, '--trigger', 'plirb');
    const scan = await scanFolder(folder, { trigger: 'plirb' });
    expect(pictures.map(({ caption }) => caption)).toEqual(scan.pictures.map(({ caption }) => caption));
    expect(trigger).toMatchObject({ word: 'plirb', present: 1, of: 3 });
  });

  test('--family alone needs no checkpoint; sizes are those of the family', async () => {
    const folder = pictureFolder(2);
    const { pictures } = await facts(folder, '--family', 'sdxl');
    expect(pictures[0].bucket).toEqual({ width: 1024, height: 1024 });
  });
});

describe('what it says', () => {
  test('of the example set: nothing is wrong but that the figure is always in the middle', async () => {
    const { findings, different } = await facts(
      'examples/zorbi-character',
      '--family',
      'sd15',
      '--resolution',
      '256',
      '--goal',
      'character',
    );
    expect(different).toBe(20);
    expect(findings.filter(({ severity }) => severity !== 'note').map(({ code }) => code)).toEqual([
      'COMPOSITION_ALIKE',
    ]);
    expect(findings.find(({ code }) => code === 'TRIGGER_GUESSED')?.text).toContain('"zorbi"');
  });

  test('a style’s common ground is the style; of a subject it is a fault', async () => {
    const severity = async (goal: string): Promise<string | undefined> =>
      (await facts('examples/blueprint-style', '--goal', goal)).findings.find(
        ({ code }) => code === 'BACKGROUND_ALIKE',
      )?.severity;
    expect([await severity('style'), await severity('object')]).toEqual(['note', 'high']);
  });

  test('11 of 12 red backgrounds are seen without a caption', async () => {
    const folder = join(temporaryFolder(), 'red');
    mkdirSync(folder);
    const figure = drawFigure(randomStream(4, 'figure'));
    for (let i = 0; i < 12; i++) {
      const random = randomStream(4, 'red set', i);
      const scene: Scene = {
        ...{ width: 320, height: 320, figure, pose: poses[i % 6], light: 'at noon' },
        ...{ x: i < 6 ? 0.3 : 0.55, y: 0.5, size: i < 6 ? 0.5 : 0.75 },
        place: i === 5 ? places[1] : redPlace,
      };
      const data = await drawScene(scene, random);
      const picture = sharp(data, { raw: { width: 320, height: 320, channels: 3 } });
      writeFileSync(join(folder, `${i}.png`), await picture.png().toBuffer());
    }
    const { findings } = await facts(folder, '--caption', 'a figure');
    const { text, severity, action } = findings.find(({ code }) => code === 'BACKGROUND_ALIKE') ?? {};
    expect(text).toContain('11 of 12 different pictures have a red background: it will be learnt');
    expect(severity).toBe('high');
    expect(action).toContain('other backgrounds');
  });

  test('the worst comes first, and every task names pictures and what to do', async () => {
    const folder = pictureFolder(12);
    writeFileSync(join(folder, '3.txt'), new Uint8Array([0, 1, 2]));
    cpSync(join(folder, '1.png'), join(folder, 'copy.png'));
    writeFileSync(join(folder, 'broken.png'), stripes(64, 64, 2).subarray(0, 40));
    const { findings } = await facts(folder);
    const codes = findings.map(({ code }) => code);
    expect(codes.slice(0, 2)).toEqual(['CAPTION_UNUSABLE', 'PICTURE_NOT_USED']);
    expect(findings.find(({ code }) => code === 'SAME_PICTURES')?.pictures).toEqual(['1.png', 'copy.png']);
    for (const { severity, action } of findings) if (severity !== 'note') expect(action).toMatch(/\w/);
    const order = ['high', 'medium', 'low', 'note'];
    const ranks = findings.map(({ severity }) => order.indexOf(severity));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
  });

  test('the text has all of it on lines of at most 100 characters', async () => {
    const folder = pictureFolder(6);
    const { status, stdout } = await runHere(datasetCommand(), 'report', folder, '--goal', 'object');
    expect(status).toBe(0);
    for (const part of ['What to do first', 'Pictures', 'an object wants 10 to 30', '0.png'])
      expect(stdout).toContain(part);
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(100);
  });

  test('the page has every picture once, and every crop', async () => {
    const path = join(temporaryFolder(), 'page.html');
    const { status } = await runHere(datasetCommand(), 'report', pictureFolder(6), '--html', path);
    expect(status).toBe(0);
    const page = readFileSync(path, 'utf8');
    expect(page.match(/data:image\/jpeg/g)).toHaveLength(6);
    expect(page.match(/class="card"/g)).toHaveLength(6);
  });
});
