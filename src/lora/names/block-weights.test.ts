import { describe, expect, test } from 'vitest';
import { parseBlockWeights } from './block-weights.ts';

describe('block weights', () => {
  // The lists that sd-webui-lora-block-weight's documentation gives for its presets.
  test.each([
    ['INS', '1,1,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0'],
    ['IND', '1,0,0,0,1,1,1,0,0,0,0,0,0,0,0,0,0'],
    ['INALL', '1,1,1,1,1,1,1,0,0,0,0,0,0,0,0,0,0'],
    ['MIDD', '1,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0'],
    ['OUTD', '1,0,0,0,0,0,0,0,1,1,1,1,0,0,0,0,0'],
    ['OUTS', '1,0,0,0,0,0,0,0,0,0,0,0,1,1,1,1,1'],
    ['OUTALL', '1,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,1'],
    ['ALL', '1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1'],
    ['NONE', '0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0'],
  ])('%s is its list', (name, list) => {
    const [preset, written] = [parseBlockWeights(name, 'sd15'), parseBlockWeights(list, 'sd15')];
    for (const [block, weight] of written) expect(preset.get(block), block).toBe(weight);
  });

  test('26 numbers are all blocks of SD 1, 12 those of SDXL with transformers', () => {
    const all = parseBlockWeights(Array.from({ length: 26 }, (_, i) => i).join(), 'sd15');
    expect([all.get('BASE'), all.get('IN00'), all.get('M00'), all.get('OUT11')]).toEqual([0, 1, 13, 25]);
    const sdxl = parseBlockWeights('0,1,2,3,4,5,6,7,8,9,10,11', 'sdxl');
    expect([sdxl.get('IN04'), sdxl.get('M00'), sdxl.get('OUT05')]).toEqual([1, 5, 11]);
  });

  test('names, and stars for several', () => {
    const weights = parseBlockWeights('m00=0, OUT*=0.5, OUT11=-1', 'sd15');
    expect([weights.get('M00'), weights.get('OUT03'), weights.get('OUT11')]).toEqual([0, 0.5, -1]);
    expect(weights.get('IN01')).toBeUndefined();
  });

  test('a preset for deeper models names them', () => {
    for (const preset of ['INS', 'IND', 'midd', 'OUTD', 'OUTS'])
      for (const [family, own] of [
        ['pocket', /pocket/],
        ['sdxl', /SDXL/],
      ] as const) {
        const refused = () => parseBlockWeights(preset, family);
        expect(refused).toThrow(/this preset is for SD 1\.x and SD 2\.x; the base is/);
        expect(refused).toThrow(own);
      }
    expect(() => parseBlockWeights('MIDDLE', 'sd15')).toThrow(/there is no preset of that name/);
  });

  test.each(['1,2,3', 'INS,', 'IN99=1', 'M00=x', 'M00=1=2', 'XYZ', ''])('"%s" is refused', text => {
    expect(() => parseBlockWeights(text, 'sd15')).toThrow(
      expect.objectContaining({ code: 'BLOCK_WEIGHTS_INVALID' }),
    );
  });
});
