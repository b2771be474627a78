/** Every row of the own API on real stores: what it answers is what its schema says, what it refuses has a code. */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pair } from '../../../test/support/lora-files.ts';
import { ask, codeOf, openTestStudio, type TestStudio } from '../../../test/support/studio-context.ts';
import { drawnPicture, stripes } from '../../../test/support/studio-pictures.ts';
import { serializeSafetensors } from '../../files/index.ts';
import type { Reply } from '../route.ts';
import { apiRoutes } from './index.ts';

let studio: TestStudio;
beforeAll(async () => {
  studio = await openTestStudio();
});
afterAll(() => studio.close());

const get = (path: string, query?: Record<string, string>) => ask(studio, 'GET', path, { query });
const post = (path: string, body: unknown = {}) => ask(studio, 'POST', path, { body });
const api = '/api/v1';

describe('rows', () => {
  it('have a policy, a summary, and a schema for what they answer', () => {
    const seen = new Set<string>();
    for (const { method, path, policy, summary, response, handle } of apiRoutes) {
      const name = `${method} ${path}`;
      expect(seen.has(name), name).toBe(false);
      seen.add(name);
      expect(path.startsWith('/api/v1/'), name).toBe(true);
      expect(summary.length, name).toBeGreaterThan(8);
      expect(typeof handle, name).toBe('function');
      if (method !== 'GET') expect(['change', 'upload', 'local'], name).toContain(policy);
      if (!response) expect(path, name).toMatch(/(view|file|pack|preview|previews\/:name|artefacts\/:name)$/);
    }
  });

  it('with an id answer 404 to one that is not there', async () => {
    const ids: Record<string, string> = {
      jobs: 'nosuchjob123',
      cards: 'feedfacefeedface',
      pictures: '0123456789abcdef',
      datasets: 'none',
      uploads: '0'.repeat(32),
      folders: 'nosuchfolder',
    };
    const bodies: Record<string, unknown> = {
      move: { to: 'first' },
      captions: { add: ['x'] },
      caption: { text: 'x' },
      'side-files': { dialect: 'a1111' },
    };
    for (const row of apiRoutes.filter(({ path }) => path.includes(':id'))) {
      const parts = row.path.split('/');
      const kind = parts[parts.indexOf(':id') - 1];
      const path = row.path
        .replace(':id', ids[kind])
        .replace(':picture', '0123456789abcdef')
        .replace(':name', 'x');
      const last = parts.at(-1) as string;
      const body = bodies[last] ?? (row.method === 'PATCH' ? { favourite: true } : {});
      const isUpload = row.policy === 'upload';
      const code = await codeOf(
        ask(
          studio,
          row.method,
          path,
          isUpload
            ? { bytes: stripes(64, 64, 1), query: last === 'pictures' ? { name: 'a.png' } : {} }
            : { body },
        ),
      );
      expect(code, `${row.method} ${row.path}`).toMatch(
        /^(JOB|CARD|PICTURE|DATASET|UPLOAD|FOLDER|PREVIEW)_UNKNOWN$/,
      );
    }
  });

  it('refuse fields that there are not', async () => {
    for (const row of apiRoutes.filter(({ query }) => query)) {
      expect(row.query?.safeParse({ nosuchfield: '1' }).success, `${row.method} ${row.path}`).toBe(false);
    }
    for (const row of apiRoutes.filter(({ body }) => body)) {
      const result = row.body?.safeParse({ nosuchfield: '1' });
      expect(
        result?.error?.issues.some(({ code }) => code === 'unrecognized_keys'),
        `${row.method} ${row.path}`,
      ).toBe(true);
    }
  });
});

describe('jobs', () => {
  const payload = { prompt: 'a fox', steps: 4 };

  it('are made, moved, paused, cancelled, tried again and removed', async () => {
    const first = await post(`${api}/jobs`, { kind: 'generate', payload });
    expect(first).toMatchObject({ kind: 'generate', title: 'a fox', state: 'queued' });
    const second = await post(`${api}/jobs`, {
      kind: 'generate',
      payload,
      title: 'another',
      after: [first.id],
    });
    expect(second.after).toEqual([first.id]);
    expect((await post(`${api}/jobs/${second.id}/move`, { to: 'first' })).position).toBe(1);
    expect((await post(`${api}/jobs/${first.id}/pause`)).state).toBe('paused');
    expect((await post(`${api}/jobs/${first.id}/resume`)).state).toBe('queued');
    expect((await get(`${api}/jobs`, { state: 'queued' })).jobs.map(({ id }: { id: string }) => id)).toEqual([
      second.id,
      first.id,
    ]);
    expect((await post(`${api}/jobs/${second.id}/cancel`)).state).toBe('cancelled');
    expect(await codeOf(post(`${api}/jobs/${second.id}/move`, { to: 'last' }))).toBe('JOB_STATE');
    expect((await post(`${api}/jobs/${second.id}/retry`)).state).toBe('queued');
    expect(await codeOf(ask(studio, 'DELETE', `${api}/jobs/${second.id}`))).toBe('JOB_STATE');
    await post(`${api}/jobs/${second.id}/cancel`);
    await ask(studio, 'DELETE', `${api}/jobs/${second.id}`);
    expect(await codeOf(get(`${api}/jobs/${second.id}`))).toBe('JOB_UNKNOWN');
    const whole = await get(`${api}/jobs/${first.id}`);
    expect(whole.payload).toMatchObject({ prompt: 'a fox', base: 'pocket', steps: 4 });
    expect(await get(`${api}/jobs/${first.id}/log`)).toEqual({ lines: [] });
    expect(await get(`${api}/jobs/${first.id}/previews`)).toEqual({ previews: [] });
  });

  it('of the same id are made once, whatever became of what they name', async () => {
    const job = {
      kind: 'train',
      id: 'mine-12345678',
      payload: { name: 'x', dataset: 'example:zorbi-character' },
    };
    const first = await post(`${api}/jobs`, job);
    expect((await post(`${api}/jobs`, { ...job, payload: { name: 'x', dataset: 'gone' } })).id).toBe(
      first.id,
    );
  });

  it.each([
    ['generate', { promt: 'x' }, 'PAYLOAD_INVALID'],
    ['generate', { prompt: 'x', steps: 0 }, 'PAYLOAD_INVALID'],
    ['generate', { prompt: 'x', base: 'feedfacefeedface' }, 'CARD_UNKNOWN'],
    ['generate', { prompt: 'x', loras: [{ id: 'pocket' }] }, 'CARD_WRONG_USE'],
    ['generate', { prompt: 'x', init: { picture: '0'.repeat(32) } }, 'UPLOAD_UNKNOWN'],
    ['compare', { picture: { prompt: 'x', base: 'feedfacefeedface' }, x: 'steps: 1, 2' }, 'CARD_UNKNOWN'],
    ['train', { name: 'x', dataset: 'none' }, 'DATASET_UNKNOWN'],
    ['train', { name: '../x', dataset: 'none' }, 'PAYLOAD_INVALID'],
    ['train', { name: 'x', dataset: 'example:zorbi-character', recipe: { rnk: 4 } }, 'PAYLOAD_INVALID'],
    ['merge', { into: 'lora', name: 'x', loras: [{ id: 'feedfacefeedface' }] }, 'CARD_UNKNOWN'],
    ['dataset-report', { dataset: 'none' }, 'DATASET_UNKNOWN'],
    ['plan', { dataset: 'example:../src' }, 'PAYLOAD_INVALID'],
    ['generate', { prompt: 'x', sampler: 'Eular a' }, 'PAYLOAD_INVALID'],
    ['compare', { picture: { prompt: 'x', scheduler: 'Karass' }, x: 'steps: 1, 2' }, 'PAYLOAD_INVALID'],
  ])('%s %j is refused before it is queued', async (kind, wrong, code) => {
    const { total } = await get(`${api}/jobs`, { all: 'true' });
    expect(await codeOf(post(`${api}/jobs`, { kind, payload: wrong }))).toBe(code);
    expect((await get(`${api}/jobs`, { all: 'true' })).total).toBe(total);
  });

  it('are listed by state and kind', async () => {
    expect((await get(`${api}/jobs`, { kind: 'train', state: 'queued,running' })).total).toBe(1);
    expect(await codeOf(get(`${api}/jobs`, { state: 'quued' }))).toBe('QUERY_INVALID');
    expect(await codeOf(get(`${api}/jobs`, { limit: '0' }))).toBe('ZodError');
  });

  it('show files that they made: pictures encoded anew, the rest to be saved', async () => {
    const { context } = studio;
    const job = await post(`${api}/jobs`, { kind: 'generate', payload, priority: 900 });
    const lease = await context.queue.lease(['generate'], { id: 'w', pid: 1 });
    const place = 'pictures/2026-01-01/made.png';
    mkdirSync(join(context.data.pictures, '2026-01-01'), { recursive: true });
    const png = await drawnPicture({ prompt: 'secret words' });
    writeFileSync(join(context.data.path, place), png);
    writeFileSync(join(context.data.loras, 'x.safetensors'), 'x');
    const facts = { bytes: png.length, sha256: 'a'.repeat(64) };
    await context.queue.complete(lease as never, [
      { name: 'picture-1', type: 'picture', path: place, ...facts },
      { name: 'lora', type: 'lora', path: 'loras/x.safetensors', ...facts },
      { name: 'evil', type: 'file', path: '../outside', ...facts },
      { name: 'gone', type: 'file', path: 'loras/gone.safetensors', ...facts },
    ]);
    const { artefacts } = await get(`${api}/jobs/${job.id}`);
    expect(artefacts[0]).toMatchObject({
      fileName: 'made.png',
      pictureId: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    const shown: Reply = await get(artefacts[0].url, { size: '96' });
    expect(shown.type).toBe('image/webp');
    expect(Buffer.from(shown.body as Uint8Array).includes('secret')).toBe(false);
    const saved: Reply = await get(artefacts[0].url, { download: 'true' });
    expect(saved.options.fileName).toBe('made.png');
    (saved.body as Readable).destroy();
    const lora: Reply = await get(artefacts[1].url);
    expect(lora.options.fileName).toBe('x.safetensors');
    (lora.body as Readable).destroy();
    expect(await codeOf(get(artefacts[2].url))).toBe('PATH_OUTSIDE');
    expect(await codeOf(get(artefacts[3].url))).toBe('ARTEFACT_MISSING');
    expect(await codeOf(get(`${api}/jobs/${job.id}/artefacts/other`))).toBe('ARTEFACT_UNKNOWN');
    expect(await codeOf(get(`${api}/jobs/${job.id}/training`))).toBe('JOB_NO_TRAINING');
  });

  it('tell rows of training as they come, and anew after a run went back', async () => {
    const { data } = studio.context;
    const run = join(data.jobs, 'mine-12345678', 'work', 'x.run');
    expect(await get(`${api}/jobs/mine-12345678/training`)).toEqual({
      steps: [],
      validations: [],
      previews: [],
      totalSteps: 0,
    });
    mkdirSync(join(run, 'previews'), { recursive: true });
    const row = (step: number, loss: number) =>
      `${JSON.stringify({ step, loss, smoothed: loss, rate: 1e-4, gradientNorm: 1, seconds: 0.5, memory: 1000 })}\n`;
    const path = join(run, 'steps.jsonl');
    writeFileSync(
      path,
      row(1, 0.5) + row(2, 0.4) + '{"step":2,"validation":0.3,"low":0.2,"high":0.4}\n{"step":3,"lo',
    );
    writeFileSync(
      join(run, 'run.json'),
      JSON.stringify({ recipe: { steps: 40, previewPrompts: ['a zorbi --w 64'] } }),
    );
    writeFileSync(join(run, 'previews', '00-step00000002.png'), stripes(64, 64, 1));
    const first = await get(`${api}/jobs/mine-12345678/training`);
    expect(first.steps.map(({ step, loss }: never) => [step, loss])).toEqual([
      [1, 0.5],
      [2, 0.4],
    ]);
    expect(first).toMatchObject({ totalSteps: 40, validations: [{ step: 2, validation: 0.3 }] });
    expect(first.previews).toMatchObject([{ name: '00', step: 2, prompt: 'a zorbi' }]);
    const [url] = first.previews[0].url.split('?');
    expect((await get(url, { size: '96' })).type).toBe('image/webp');
    expect(await codeOf(get(url.replace('00-step', '..%2F..%2Fstep')))).toBe('PREVIEW_UNKNOWN');
    writeFileSync(path, row(1, 0.5) + row(2, 0.4) + '{"step":2,"validation":0.3}\n' + row(3, 0.3));
    expect(
      (await get(`${api}/jobs/mine-12345678/training`, { after: '2' })).steps.map(({ step }: never) => step),
    ).toEqual([3]);
    writeFileSync(path, row(1, 0.5) + row(2, 0.9) + row(3, 0.8) + row(4, 0.7) + row(5, 0.6));
    const again = await get(`${api}/jobs/mine-12345678/training`);
    expect(again.steps.map(({ loss }: never) => loss)).toEqual([0.5, 0.9, 0.8, 0.7, 0.6]);
    const few = await get(`${api}/jobs/mine-12345678/training`, { most: '2' });
    expect(few.steps.map(({ step }: never) => step)).toEqual([1, 5]);
  });
});

describe('data sets', () => {
  it('are made, filled, described and removed', async () => {
    expect(await post(`${api}/datasets`, { name: 'My cats ä' })).toMatchObject({
      id: 'My cats ä',
      items: [],
    });
    const path = `${api}/datasets/${encodeURIComponent('My cats ä')}`;
    const added = await ask(studio, 'POST', `${path}/pictures`, {
      query: { name: 'a.png' },
      bytes: stripes(64, 64, 1),
    });
    expect(added).toMatchObject({ name: 'a.png', width: 64, caption: '' });
    expect((await get(added.url, { size: '96' })).options.maxAge).toBeGreaterThan(0);
    const changed = await ask(studio, 'PUT', `${path}/pictures/${added.id}/caption`, {
      body: { text: 'a cat' },
    });
    expect(changed.caption).toBe('a cat');
    expect((await post(`${path}/captions`, { remove: ['a cat'] })).written).toBe(false);
    expect((await post(`${path}/captions`, { add: ['pet'], write: true })).changes[0].after).toBe(
      'pet, a cat',
    );
    expect((await post(`${path}/captions/undo`)).changes[0].after).toBe('a cat');
    expect(studio.told).toContainEqual({ name: 'dataset', data: { id: 'My cats ä' } });
    await ask(studio, 'DELETE', `${path}/pictures/${added.id}`);
    expect((await get(path)).items).toEqual([]);
    expect((await get(`${api}/datasets`)).datasets.map(({ id }: never) => id)).toContain('My cats ä');
    await ask(studio, 'DELETE', path);
    expect(await codeOf(get(path))).toBe('DATASET_UNKNOWN');
    expect(
      await codeOf(ask(studio, 'POST', `${api}/datasets/none/pictures`, { query: { name: 'a.png' } })),
    ).toBe('UPLOAD_EMPTY');
  });

  it('remember damage that only decoding finds', async () => {
    await post(`${api}/datasets`, { name: 'broken' });
    const half = await sharp(stripes(600, 600, 1))
      .jpeg()
      .toBuffer();
    writeFileSync(
      join(studio.context.data.datasets, 'broken', 'half.jpg'),
      half.subarray(0, half.length / 2),
    );
    const [before] = (await get(`${api}/datasets/broken`)).items;
    expect(before.fault).toBeUndefined();
    expect(await codeOf(get(before.url, { size: '96' }))).toBe('PICTURE_BROKEN');
    expect((await get(`${api}/datasets/broken`)).items[0].fault.code).toBe('PICTURE_BROKEN');
  });
});

describe('pictures', () => {
  it('come back as jobs that draw them again', async () => {
    const { data, pictures } = studio.context;
    mkdirSync(join(data.pictures, '2026-02-02'), { recursive: true });
    const settings = {
      prompt: 'a <lora:nowhere:0.5> whale',
      seed: 2n ** 60n,
      steps: 12,
      sampler: 'DPM++ 2M',
      scheduler: 'Karras',
      loras: [{ name: 'lost', path: 'lost.safetensors', hash: 'ab'.repeat(32), strength: 0.7 }],
    };
    writeFileSync(join(data.pictures, '2026-02-02', 'w.png'), await drawnPicture(settings));
    await pictures.refresh();
    const {
      pictures: [found],
    } = await get(`${api}/pictures`, { text: 'whale' });
    const whole = await get(`${api}/pictures/${found.id}`);
    expect(whole.payload).toMatchObject({
      base: 'pocket',
      prompt: settings.prompt,
      seed: String(2n ** 60n),
      steps: 12,
      scheduler: 'Karras',
      loras: [],
    });
    expect(whole.missing.map(({ name }: never) => name).sort()).toEqual(['lost', 'nowhere']);
    const { loras: _, ...rest } = whole.payload;
    expect((await post(`${api}/jobs`, { kind: 'generate', payload: rest })).state).toBe('queued');
    expect(
      (await ask(studio, 'PATCH', `${api}/pictures/${found.id}`, { body: { favourite: true } })).favourite,
    ).toBe(true);
    expect((await get(`${api}/pictures`, { favourite: 'true' })).total).toBe(1);
    const file: Reply = await get(`${api}/pictures/${found.id}/file`);
    expect(file.options.fileName).toBe('w.png');
    (file.body as Readable).destroy();
    await ask(studio, 'DELETE', `${api}/pictures/${found.id}`);
    expect(await codeOf(get(`${api}/pictures/${found.id}`))).toBe('PICTURE_UNKNOWN');
  });

  it('that are dropped are read, and nothing of them is kept', async () => {
    const read = async (bytes: Uint8Array) => ask(studio, 'POST', `${api}/pictures/read`, { bytes });
    expect(await read(await drawnPicture({ prompt: 'a whale' }))).toMatchObject({
      program: 'lora-studio',
      payload: { prompt: 'a whale' },
      missing: [],
    });
    const text =
      'a dog\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x768, Model: dreams, Clip skip: 2';
    const a1111 = await read(
      await sharp(stripes(64, 64, 1))
        .withExif({ IFD2: { UserComment: text } })
        .jpeg()
        .toBuffer(),
    );
    expect(a1111.payload ?? a1111.findings).toBeDefined();
    expect((await read(stripes(64, 64, 1))).findings[0]).toMatch(/does not say how it was made/);
    expect(await codeOf(read(Buffer.from('hello')))).toMatch(/^PICTURE_/);
  });

  it('are uploaded to start from', async () => {
    const upload = await ask(studio, 'POST', `${api}/uploads`, { bytes: stripes(64, 32, 1) });
    expect(upload).toMatchObject({ width: 64, height: 32 });
    expect((await get(upload.url, { size: 'full' })).type).toBe('image/webp');
    expect(existsSync(join(studio.context.data.uploads, `${upload.id}.png`))).toBe(true);
    const job = await post(`${api}/jobs`, {
      kind: 'generate',
      payload: { prompt: 'x', init: { picture: upload.id } },
    });
    expect(job.state).toBe('queued');
    expect(await codeOf(ask(studio, 'POST', `${api}/uploads`, { bytes: Buffer.from('x') }))).toBe(
      'PICTURE_NOT_A_PICTURE',
    );
  });
});

describe('the library', () => {
  it('shows the embedded model, edits its card, gives it a picture', async () => {
    const { cards } = await get(`${api}/library/cards`, { use: 'checkpoint' });
    expect(cards.map(({ id }: never) => id)).toContain('pocket');
    const card = `${api}/library/cards/pocket`;
    expect((await ask(studio, 'PATCH', card, { body: { notes: 'mine', rating: 4 } })).rating).toBe(4);
    expect(await codeOf(get(`${card}/preview`))).toBe('PREVIEW_UNKNOWN');
    const withPicture = await ask(studio, 'PUT', `${card}/preview`, { bytes: stripes(64, 64, 1) });
    expect((await get(withPicture.previewUrl, { size: '96' })).type).toBe('image/webp');
    expect((await ask(studio, 'DELETE', `${card}/preview`)).previewUrl).toBeUndefined();
    expect(await codeOf(ask(studio, 'PUT', `${card}/preview`, { bytes: Buffer.from('x') }))).toBe(
      'PICTURE_NOT_A_PICTURE',
    );
    expect(await codeOf(get(`${card}/file`))).toBe('CARD_IS_FOLDER');
    expect(await codeOf(get(`${card}/pack`))).toBe('CARD_WRONG_USE');
    expect(await codeOf(post(`${card}/side-files`, { dialect: 'a1111' }))).toBe('CARD_WRONG_USE');
    expect((await get(`${api}/library/facets`)).families.length).toBeGreaterThan(0);
    expect(await get(`${api}/library/duplicates`)).toEqual({ duplicates: [] });
  });

  it('takes folders in, and tells where they are only on this machine', async () => {
    const { context } = studio;
    const { folders } = await get(`${api}/library/folders`);
    expect(folders[0].path).toBe(context.data.loras);
    const remote = { ...studio, context: { ...context, isLocal: false } };
    const hidden = await ask(remote, 'GET', `${api}/library/folders`);
    expect(JSON.stringify(hidden)).not.toContain(context.data.path);
    expect(await codeOf(post(`${api}/library/folders`, { path: join(context.data.path, 'none') }))).toBe(
      'FOLDER_NOT_FOUND',
    );
    expect(await post(`${api}/library/scan`)).toHaveProperty('isRunning');
  });

  it('hands a LoRA out, packed and as it is, takes it in again, and says when its file is gone', async () => {
    const { context } = studio;
    const name = 'lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q';
    const path = join(context.data.loras, 'whale.safetensors');
    writeFileSync(path, serializeSafetensors([...pair(name, [64, 64], 4)], { ss_output_name: 'whale' }));
    await context.scans.scan();
    const { cards } = await get(`${api}/library/cards`, { text: 'whale', use: 'lora' });
    expect(cards).toHaveLength(1);
    const card = `${api}/library/cards/${cards[0].id}`;
    expect(await get(card)).toMatchObject({ fileName: 'whale.safetensors', rank: 4, folder: 'studio-loras' });
    const file: Reply = await get(`${card}/file`);
    expect(await buffer(file.body as Readable)).toEqual(readFileSync(path));
    expect((await post(`${card}/hash`)).sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(await post(`${card}/side-files`, { dialect: 'a1111' })).toEqual({ name: 'whale.json' });
    const pack: Reply = await get(`${card}/pack`);
    expect(pack.options.fileName).toBe('whale.lorapack');
    const bytes = await buffer(pack.body as Readable);
    const again = await ask(studio, 'POST', `${api}/library/packs`, {
      query: { name: 'whale.lorapack' },
      bytes,
    });
    expect(again).toMatchObject({
      kind: 'lorapack',
      models: [{ fileName: 'whale.safetensors', wasThere: true }],
    });
    const job = { kind: 'generate', payload: { prompt: 'a whale', loras: [{ id: cards[0].id }] } };
    expect((await post(`${api}/jobs`, job)).state).toBe('queued');
    await context.scans.scan(); // the one that unpacking began
    symlinkSync('self.safetensors', join(context.data.loras, 'self.safetensors'));
    rmSync(path);
    await context.scans.scan();
    const left = {
      path: join(context.data.loras, 'self.safetensors'),
      reason: expect.stringMatching(/^ELOOP/),
    };
    const { scan } = await get(`${api}/status`);
    expect(scan.last).toMatchObject({ skipped: [left], skippedCount: 1 });
    const remote = await ask({ ...studio, context: { ...context, isLocal: false } }, 'GET', `${api}/status`);
    expect(JSON.stringify(remote)).not.toContain(context.data.path);
    expect(await codeOf(get(`${card}/file`))).toBe('CARD_MISSING');
    expect(await codeOf(post(`${api}/jobs`, job))).toBe('CARD_MISSING');
    await ask(studio, 'DELETE', card);
    expect(await codeOf(post(`${api}/jobs`, job))).toBe('CARD_UNKNOWN');
  });

  it('refuses what is no pack', async () => {
    const code = await codeOf(
      ask(studio, 'POST', `${api}/library/packs`, {
        query: { name: '../../x.zip' },
        bytes: Buffer.from('PK no'),
      }),
    );
    expect(code).toMatch(/^PACK_/);
  });
});

describe('the studio', () => {
  it('says how it is', async () => {
    expect(await get(`${api}/status`)).toMatchObject({ device: 'cpu', queue: { isPaused: true } });
    const { checks } = await get(`${api}/doctor`);
    expect(checks.map(({ name }: never) => name)).toContain('ONNX Runtime');
    expect(JSON.stringify(checks)).not.toContain(studio.context.data.path);
  });

  it('changes settings that can be', async () => {
    const change = (body: unknown) => ask(studio, 'PATCH', `${api}/settings`, { body });
    expect((await change({ pictureDays: 30 })).pictureDays).toBe(30);
    expect((await get(`${api}/settings`)).pictureDays).toBe(30);
    expect(await codeOf(change({ device: 'toaster' }))).toBe('DEVICE_UNKNOWN');
    expect(await codeOf(change({ base: 'feedfacefeedface' }))).toBe('CARD_UNKNOWN');
    expect(await codeOf(change({ pictureDays: -1 }))).toBe('ZodError');
    expect(JSON.parse(readFileSync(studio.context.data.settingsFile, 'utf8')).pictureDays).toBe(30);
  });

  it('explains everything that can be chosen', async () => {
    for (const list of Object.values(await get(`${api}/options/generation`)))
      for (const { value, text } of list as { value: string; text: string }[])
        expect(text, value).toMatch(/\.$/);
    const { fields, goals } = await get(`${api}/options/recipe`);
    expect(goals).toHaveLength(4);
    const byName = Object.fromEntries(fields.map((field: { field: string }) => [field.field, field]));
    expect(byName.rank).toMatchObject({ type: 'number', fallback: 16 });
    expect(byName.convRank.type).toBe('number');
    expect(byName.recompute).toMatchObject({ type: 'choice', choices: ['true', 'false', 'finest'] });
    expect(byName.overrides.type).toBe('list');
    expect(byName.schedule.choices).toContain('cosine');
  });

  it('holds the queue and lets it go, over restarts', async () => {
    expect((await post(`${api}/queue/pause`)).queue.isPaused).toBe(true);
    expect(existsSync(join(studio.context.data.path, 'queue-paused'))).toBe(true);
    expect(studio.told.some(({ name }) => name === 'status')).toBe(true);
  });
});
