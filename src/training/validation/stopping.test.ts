/** The rules on curves whose answer is known: falling, falling and rising, noise, and noise that pairs see through. */
import { expect, test } from 'vitest';
import { randomStream } from '../../engine/index.ts';
import { bestLook, type Look } from './look.ts';
import { meanOf } from './statistics.ts';
import { decide, sumUp } from './stopping.ts';

/** Pictures of different difficulty, each a little off the curve. */
function lookAt(step: number, level: number, { pictures = 4, noise = 0 } = {}): Look {
  const random = randomStream(5, 'looks', step);
  const losses = Array.from({ length: pictures }, (_, i) => level * (1 + i) + noise * random.normal());
  const loss = meanOf(losses);
  return { step, loss, low: loss, high: loss, plainLoss: loss, pictures: losses };
}

/** Looks until the rule stops; all when it does not. */
function lookUntilStop(levels: readonly number[], patience: number, options = {}): Look[] {
  const looks: Look[] = [];
  for (const [i, level] of levels.entries()) {
    looks.push(lookAt(10 * i, level, options));
    if (decide(looks, { patience }).go === 'stop') break;
  }
  return looks;
}

const falling = Array.from({ length: 20 }, (_, i) => 1 - 0.02 * i);
const turning = Array.from({ length: 20 }, (_, i) => 1 + 0.01 * Math.abs(i - 6));

test('a loss that falls, however slowly, is never stopped', () => {
  for (const patience of [1, 3, 10]) expect(lookUntilStop(falling, patience)).toHaveLength(20);
  const slowly = falling.map(level => 1 + 1e-6 * level);
  expect(lookUntilStop(slowly, 3)).toHaveLength(20);
});

test('patience counts looks without a new best', () => {
  // One picture: no interval, so only patience stops.
  const looks = lookUntilStop(turning, 5, { pictures: 1 });
  expect(bestLook(looks)?.step).toBe(60);
  expect(looks.at(-1)?.step).toBe(110);
  expect(decide(looks, { patience: 5 }).reason).toBe(
    'the held-out loss was lowest at step 60 (1.000); 5 looks since without a better one, now 1.050',
  );
});

test('a rise beyond doubt stops earlier than patience', () => {
  const looks = lookUntilStop(turning, 10);
  expect(looks.at(-1)?.step).toBe(90);
  expect(decide(looks, { patience: 10 }).reason).toMatch(/beyond doubt for 3 looks/);
});

test('a rise within the noise of pictures waits for patience', () => {
  const looks = lookUntilStop(turning, 8, { noise: 0.2 });
  const decision = decide(looks, { patience: 8 });
  expect(decision.go).toBe('stop');
  expect(decision.reason).toMatch(/8 looks since/);
});

test('patience 0 never stops', () => {
  expect(lookUntilStop(turning, 0)).toHaveLength(20);
});

test('no stop in the first looks', () => {
  const rising = [1, 1.2, 1.4, 1.6, 1.8];
  expect(lookUntilStop(rising, 1)).toHaveLength(4);
});

test('the earliest of equal looks is best', () => {
  expect(bestLook([lookAt(0, 2), lookAt(10, 1), lookAt(20, 1)])?.step).toBe(10);
  expect(bestLook([])).toBeUndefined();
});

test('the end says how much better than the base, or that nothing was', () => {
  expect(sumUp(turning.map((level, i) => lookAt(10 * i, level)))).toMatch(
    /^the held-out loss was lowest at step 60: 5\.7 % below the base \(95 %: .* over 4 pictures\)$/,
  );
  expect(sumUp([lookAt(0, 1), lookAt(10, 1.1)])).toMatch(/^no look was better than the base/);
  expect(sumUp([lookAt(0, 1, { pictures: 1 }), lookAt(10, 0.9, { pictures: 1 })])).toBe(
    'the held-out loss was lowest at step 10: 10.0 % below the base (over one picture)',
  );
});
