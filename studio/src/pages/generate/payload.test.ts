/** @file The form and the payload, there and back. */
import { beforeAll, expect, test, vi } from 'vitest';

// The form keeps itself in the browser's storage; here there is none.
beforeAll(() => {
  const kept = new Map<string, string>();
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
  });
  vi.stubGlobal('window', { addEventListener: () => undefined, setTimeout, clearTimeout });
});
const modules = async () => ({ ...(await import('./form.ts')), ...(await import('./payload.ts')) });

test('a payload says only what was set', async () => {
  const { emptyForm, payloadOf } = await modules();
  const payload = payloadOf({ ...emptyForm, prompt: 'a cat' });
  for (const name of ['seed', 'scheduler', 'clipSkip', 'init', 'inpaint', 'hires', 'variation', 'base'])
    expect(payload).not.toHaveProperty(name);
});

test('LoRAs that are off stay out; a mask needs a picture; hires and inpainting exclude each other', async () => {
  const { emptyForm, payloadOf } = await modules();
  const lora = { id: 'abcd1234', name: 'zorbi', strength: 0.8, isOn: true };
  const filled = {
    ...emptyForm,
    loras: [lora, { ...lora, id: 'ffff0000', isOn: false }],
    inpaint: { ...emptyForm.inpaint, isOn: true },
    hires: { ...emptyForm.hires, isOn: true },
  };
  const mask = 'a'.repeat(32);
  expect(payloadOf(filled, mask)).toMatchObject({ loras: [{ id: 'abcd1234', strength: 0.8 }] });
  expect(payloadOf(filled, mask)).not.toHaveProperty('inpaint');
  const start = { id: 'b'.repeat(32), url: '/x', width: 64, height: 64 };
  expect(payloadOf({ ...filled, start }, mask)).toMatchObject({
    inpaint: { mask },
    init: { picture: start.id },
  });
  expect(payloadOf({ ...filled, start }, mask)).not.toHaveProperty('hires');
});

test('there and back', async () => {
  const { emptyForm, payloadOf, formOf } = await modules();
  const form = {
    ...emptyForm,
    ...{ prompt: 'a cat', negativePrompt: 'dog', base: 'pocket', seed: '18446744073709551615', clipSkip: 2 },
    loras: [{ id: 'abcd1234', name: 'zorbi', strength: 0.8, isOn: true }],
    hires: { ...emptyForm.hires, isOn: true, steps: 9 },
    variation: { isOn: true, seed: '7', strength: 0.1 },
  };
  const back = formOf(payloadOf(form) as never, new Map([['abcd1234', 'zorbi']]), emptyForm);
  expect(back).toEqual(form);
});

test('a mask whose start picture was taken away does not keep it from being enlarged', async () => {
  const { emptyForm, payloadOf } = await modules();
  const form = { ...emptyForm, hires: { ...emptyForm.hires, isOn: true } };
  const inpaint = { ...form.inpaint, isOn: true };
  expect(payloadOf({ ...form, inpaint })).toHaveProperty('hires');
});

test('without LoRAs there are neither tags nor given ones', async () => {
  const { withoutLoras } = await modules();
  const payload = withoutLoras({
    prompt: 'a <lora:x:1> cat',
    loras: [{ id: 'abcd', strength: 1 }],
    count: 4,
  });
  expect(payload).toMatchObject({ prompt: 'a cat', loras: [], count: 1 });
});

test('what was kept is taken as far as it fits', async () => {
  const { emptyForm, formFrom } = await modules();
  expect(formFrom(null)).toEqual(emptyForm);
  expect(formFrom('{"steps":"x","prompt":"a","hires":{"isOn":true}}')).toEqual({
    ...emptyForm,
    prompt: 'a',
    hires: { ...emptyForm.hires, isOn: true },
  });
});
