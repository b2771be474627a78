/** Sessions of two text encoders: none is left open, whatever fails. */
import { expect, test, vi } from 'vitest';
import type { Session } from '../../engine/index.ts';
import { openCheckpoint } from '../index.ts';
import type { WeightSource } from '../layers.ts';
import { openTextConditioner } from './text.ts';

/** Of the sessions opened, by their order: how often each was released, and those whose release fails. */
const { released, failing } = vi.hoisted(() => ({ released: [] as number[], failing: new Set<number>() }));

vi.mock('../../engine/index.ts', async original => {
  const engine = await original<typeof import('../../engine/index.ts')>();
  const openSession: typeof engine.openSession = async (...given): Promise<Session> => {
    const session = await engine.openSession(...given);
    const place = released.push(0) - 1;
    return {
      ...session,
      run: feeds => session.run(feeds),
      async release() {
        released[place]++;
        await session.release();
        if (failing.has(place)) throw new Error(`session ${place} is stuck`);
      },
    };
  };
  return { ...engine, openSession };
});

const pocket = openCheckpoint('pretrained/pocket');
const { weights } = pocket.textEncoder;
const width = pocket.textEncoder.config.hiddenSize;
const projection = 'text_projection.weight';
/** The same weights, with the projection that a second encoder has. */
const projected: WeightSource = {
  ...weights,
  names: () => [...weights.names(), projection],
  shape: name => (name === projection ? [width, width] : weights.shape(name)),
  read: name => (name === projection ? new Float32Array(width * width) : weights.read(name)),
  bytes: name => (name === projection ? new Float32Array(width * width) : weights.bytes(name)),
};
const both = { ...pocket, textEncoder2: { ...pocket.textEncoder, weights: projected } };

test('the first is released where the second cannot be opened', async () => {
  released.length = 0;
  const hooks = (_: unknown, part: string) => {
    if (part === 'text_encoder_2') throw new Error('no memory');
    return {};
  };
  await expect(openTextConditioner(both, {}, hooks)).rejects.toThrow('no memory');
  expect(released).toEqual([1]);
});

test('the second is released where that of the first fails, and the failure is told', async () => {
  released.length = 0;
  failing.add(0);
  const conditioner = await openTextConditioner(both);
  await expect(conditioner.release()).rejects.toThrow('session 0 is stuck');
  expect(released).toEqual([1, 1]);
});
