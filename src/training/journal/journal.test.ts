/** The journal: cut back, torn, stopped by a full disk; a resumed one equals the uninterrupted one. */
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { start } from '../../../test/support/command-line.ts';
import { stripes, temporaryFolder } from '../../../test/support/pictures.ts';
import { type Journal, openJournal } from './journal.ts';
import { type GivenManifest, parseManifest } from './manifest.ts';
import { openPartRates } from './part-rates.ts';
import { parseRow } from './rows.ts';

const manifest: GivenManifest = {
  code: { name: 'lora-studio', version: '0' },
  device: 'cpu',
  recipe: { steps: 20, caption: '/somewhere/somebody/secret/zorbi' },
  data: { folder: 'pictures', pictures: [{ name: 'a.png', sha256: '00', caption: '11', repeats: 1 }] },
  base: { name: 'pocket', family: 'pocket', hashes: {} },
};
const png = stripes(16, 8, 1);

/** Loss and rate of a step, without a pattern. */
const report = (step: number) => ({
  ...{ step, loss: Math.sin(step * 12.9898) ** 2, rate: 1e-4 / step, gradientNorm: 1 / step, seconds: 0.1 },
  rates: { unet: 1e-4 / step, text_encoder: 5e-5 / step },
});

function tell(journal: Journal, from: number, to: number): void {
  for (let step = from; step <= to; step++) {
    journal.step(report(step));
    if (step % 5 === 0) {
      const loss = 1 / step;
      journal.validation({ step, loss, low: loss - 0.01, high: loss + 0.01, isBest: true });
      journal.picture('00', step, png);
    }
  }
}

/** Every file of a run by its name. */
function contents(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter(name => /\.\w+$/.test(name) && name !== 'log.jsonl').sort();
  return Object.fromEntries(files.map(name => [name, readFileSync(join(folder, name)).toString('base64')]));
}

const done = { status: 'finished', result: { steps: 20 } } as const;
const newOut = (): string => join(temporaryFolder(), 'zorbi.safetensors');

async function wholeRun(out: string): Promise<Record<string, string>> {
  const journal = await openJournal({ out, manifest });
  tell(journal, 1, 20);
  await journal.finish(done);
  return contents(journal.folder);
}

describe('journal', () => {
  beforeEach(() => {
    process.env.SOURCE_DATE_EPOCH = '1700000000';
  });
  afterEach(() => {
    delete process.env.SOURCE_DATE_EPOCH;
  });

  test('holds a line a step, a table, events, pictures; nothing private', async () => {
    const out = newOut();
    await wholeRun(out);
    const folder = out.replace('.safetensors', '.run');
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const rows = read('steps.jsonl').trimEnd().split('\n').map(parseRow);
    expect(rows.length).toBe(24);
    expect(rows[3]).toMatchObject({ ...report(4), seconds: 0, memory: 0 });
    expect(rows[5]).toEqual({ step: 5, validation: 0.2, low: 0.19, high: 0.21000000000000002, best: true });
    const table = read('steps.csv').trimEnd().split('\n');
    expect(table[0]).toBe(
      'step,loss,smoothed,rate,rate_unet,rate_text_encoder,gradient_norm,seconds,memory,validation,validation_low,validation_high',
    );
    expect(table.map(line => line.split(',').length)).toEqual(table.map(() => 12));
    expect(table[6]).toBe('5,,,,,,,,,0.2,0.19,0.21000000000000002');
    expect(readdirSync(join(folder, 'previews'))).toEqual(
      [5, 10, 15, 20].map(step => `00-step${String(step).padStart(8, '0')}.png`),
    );
    expect(read('run.json')).not.toMatch(/somebody|secret/);
    expect(parseManifest(read('run.json'))).toMatchObject({
      name: 'zorbi',
      ...done,
      startedAt: 1_700_000_000,
    });
  });

  test('the smoothed loss is the exponential mean without its bias', async () => {
    const out = newOut();
    await wholeRun(out);
    const rows = readFileSync(out.replace('.safetensors', '.run/steps.jsonl'), 'utf8').split('\n');
    const smoothed = rows.flatMap(line => {
      const row = parseRow(line);
      return row && 'smoothed' in row ? [row.smoothed] : [];
    });
    for (const [i, value] of smoothed.entries()) {
      const weights = Array.from({ length: i + 1 }, (_, k) => 0.95 ** (i - k));
      const whole = weights.reduce((a, b) => a + b, 0);
      const mean = weights.reduce((sum, weight, k) => sum + weight * report(k + 1).loss, 0) / whole;
      expect(value).toBeCloseTo(mean, 12); // the same sum in another order
    }
  });

  test.each([
    [12, 12],
    [17, 12],
    [20, 0],
    [13, 5],
  ])('interrupted at %i and resumed at %i, it equals the uninterrupted one', async (stopped, resumeAt) => {
    const out = newOut();
    const first = await openJournal({ out, manifest });
    tell(first, 1, stopped);
    await first.finish({ status: 'interrupted', result: { steps: stopped } });
    const folder = first.folder;
    // As a killed writer leaves them: half a line, half a record.
    appendFileSync(join(folder, 'steps.jsonl'), '{"step":1');
    appendFileSync(join(folder, 'steps.csv'), '1,0.5');
    const [events] = readdirSync(folder).filter(name => name.includes('tfevents'));
    appendFileSync(join(folder, events), Buffer.from([1, 2, 3, 4, 5]));
    const second = await openJournal({ out, manifest, resumeAt });
    tell(second, resumeAt + 1, 20);
    await second.finish(done);
    const { 'run.json': _, ...resumed } = contents(folder);
    const { 'run.json': __, ...whole } = await wholeRun(newOut());
    expect(resumed).toEqual(whole);
    const after = parseManifest(readFileSync(join(folder, 'run.json'), 'utf8'));
    expect(after?.resumed).toEqual([{ step: resumeAt, at: 1_700_000_000 }]);
  });

  test('steps that are rolled back leave no trace', async () => {
    const out = newOut();
    const journal = await openJournal({ out, manifest });
    tell(journal, 1, 13);
    journal.rewind(7);
    tell(journal, 8, 9);
    journal.rewind(0);
    tell(journal, 1, 20);
    await journal.finish(done);
    expect(contents(journal.folder)).toEqual(await wholeRun(newOut()));
  });

  test('an older run of the name is kept', async () => {
    const out = newOut();
    const before = await wholeRun(out);
    let aside = '';
    const journal = await openJournal({ out, manifest, onSetAside: folder => (aside = folder) });
    await journal.finish(done);
    expect(aside).toBe(out.replace('.safetensors', '.2023-11-14T22-13-20.run'));
    expect(contents(aside)).toEqual(before);
  });
});

test.runIf(existsSync('/dev/full'))(
  'a full disk stops the journal with one warning, not the run',
  async () => {
    const out = newOut();
    const warnings: string[] = [];
    const folder = out.replace('.safetensors', '.run');
    mkdirSync(folder);
    symlinkSync('/dev/full', join(folder, 'steps.csv'));
    const onWarning = (message: string): void => void warnings.push(message);
    const journal = await openJournal({ out, manifest, resumeAt: 0, onWarning });
    tell(journal, 1, 20);
    await journal.flush();
    tell(journal, 21, 40);
    await journal.finish(done);
    expect(warnings.length).toBe(1);
    expect(warnings[0]).toMatch(/no space left/);
  },
);

test('a folder that cannot be made is said, and nothing else happens', async () => {
  const out = join(temporaryFolder(), 'missing/\0/zorbi.safetensors');
  const warnings: string[] = [];
  const journal = await openJournal({ out, manifest, onWarning: message => warnings.push(message) });
  tell(journal, 1, 3);
  await journal.finish(done);
  expect(warnings.length).toBe(1);
});

test('killed at any moment, what was flushed is there and the rest is cut off', async () => {
  const out = newOut();
  const script = `
    import { openJournal } from './src/training/journal/journal.ts';
    const manifest = ${JSON.stringify(manifest)};
    const journal = await openJournal({ out: ${JSON.stringify(out)}, manifest });
    for (let step = 1; ; step++) {
      journal.step({ step, loss: 1 / step, rate: 1, gradientNorm: 1, seconds: 1 });
      if (step % 50 === 0) {
        await journal.flush();
        process.stderr.write('saved ' + step + ';');
      }
    }`;
  const running = start(['--input-type=module-typescript', '--eval', script], [process.execPath]);
  await running.seen('saved 1000;');
  running.process.kill('SIGKILL');
  const { stderr } = await running.outcome;
  const saved = Number(/saved (\d+);(?!.*saved)/.exec(stderr)?.[1]);
  expect(saved).toBeGreaterThanOrEqual(1000);
  const journal = await openJournal({ out, manifest, resumeAt: saved });
  await journal.finish(done);
  const rows = readFileSync(join(journal.folder, 'steps.jsonl'), 'utf8').trimEnd().split('\n').map(parseRow);
  expect(rows.map(row => row?.step)).toEqual(Array.from({ length: saved }, (_, i) => i + 1));
});

test('rates by part are those that most layers of a part have', () => {
  const layer = (target: string, rateFactor: number) => ({ target, rateFactor });
  const layers = [
    layer('unet.a', 1),
    layer('unet.b', 0.25),
    layer('unet.c', 1),
    layer('text_encoder.a', 0.5),
  ];
  expect(openPartRates(layers)(0.01)).toEqual({ unet: 0.01, text_encoder: 0.005 });
  expect(openPartRates([layer('unet.a', 1)])(0.01)).toBeUndefined();
  expect(openPartRates([layer('unet.a', 0.5)])(0.01)).toEqual({ unet: 0.005 });
});
