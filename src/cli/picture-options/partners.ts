/** @file Options that do nothing without another one are mistakes. */
import { usageError } from '../../errors.ts';
import type { PictureOptions } from './options.ts';

/** Options that do nothing unless others are there, by those. */
const partners: readonly {
  readonly needs: string;
  readonly isThere: (options: PictureOptions) => boolean;
  readonly options: readonly (keyof PictureOptions)[];
}[] = [
  { needs: '--init', isThere: ({ init }) => init !== undefined, options: ['strength', 'resize', 'mask'] },
  {
    needs: '--mask',
    isThere: ({ mask }) => mask !== undefined,
    options: ['maskBlur', 'maskInvert', 'maskContent', 'maskOnly', 'maskPadding'],
  },
  { needs: '--mask-only', isThere: ({ maskOnly }) => maskOnly, options: ['maskPadding'] },
  {
    needs: 'a --variation-strength above 0',
    isThere: ({ variationStrength = 0 }) => variationStrength > 0,
    options: ['variationSeed'],
  },
  { needs: 'a --churn above 0', isThere: ({ churn = 0 }) => churn > 0, options: ['churnRange'] },
  {
    needs: '--hires or --hires-size',
    isThere: ({ hires, hiresSize }) => hires !== undefined || hiresSize !== undefined,
    options: [
      ...(['hiresUpscaler', 'hiresStrength', 'hiresSteps', 'hiresSampler', 'hiresScheduler'] as const),
      ...(['hiresGuidance', 'hiresPrompt', 'hiresNegative'] as const),
    ],
  },
];

/** maskBlur → --mask-blur */
const optionName = (key: string): string =>
  `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;

/** Options that do nothing without another one are mistakes. */
export function checkTogether(options: PictureOptions): void {
  for (const { needs, isThere, options: keys } of partners) {
    if (isThere(options)) continue;
    const alone = keys.find(key => options[key] !== undefined && options[key] !== false);
    if (alone === undefined) continue;
    const name = optionName(alone);
    throw usageError(
      'OPTION_NEEDS',
      `${name} has no effect without ${needs}`,
      `Give ${needs}, or leave ${name} out.`,
    );
  }
  if (options.hires !== undefined && options.hiresSize)
    throw usageError('HIRES_SIZE_INVALID', '--hires and --hires-size both say a size: give one');
}
