/** @file What a LoRA may be for, in the words of people who have not made one. */

export interface GoalRow {
  readonly value: 'character' | 'style' | 'object' | 'subject';
  readonly label: string;
  /** What it is for. */
  readonly text: string;
  /** What it wants of pictures and captions. */
  readonly wants: string;
}

export const goals: readonly GoalRow[] = [
  {
    ...{ value: 'character', label: 'A character' },
    text: 'A person, an animal, a figure that is to be recognised.',
    wants: '15 to 40 pictures: other places, poses, light. Captions name what changes.',
  },
  {
    ...{ value: 'style', label: 'A style' },
    text: 'The way pictures are made, whatever they show.',
    wants: '30 and more of many subjects. Captions name the subject, never the style.',
  },
  {
    ...{ value: 'object', label: 'An object' },
    text: 'One thing, such as a product or a building.',
    wants: '10 to 30 from all sides, on several grounds.',
  },
  {
    ...{ value: 'subject', label: 'A subject' },
    text: 'A whole field, such as circuit boards or X-rays.',
    wants: '50 and more, captions in the words of the trade.',
  },
];

export const goalLabel = (value: string | undefined): string =>
  goals.find(goal => goal.value === value)?.label ?? 'not said';
