/** @file What it is to learn: everything that is not said follows from this. */
import { goals } from '../data/goals.ts';
import type { TrainForm } from './train-form.ts';

export function GoalCards({ form }: { readonly form: TrainForm }) {
  return (
    <fieldset class="form-part">
      <legend>What is it to learn?</legend>
      <div class="goal-cards">
        {goals.map(({ value, label, text, wants }) => (
          <label key={value} class="goal-card">
            <input
              type="radio"
              name="goal"
              value={value}
              checked={form.goal.value === value}
              onChange={() => {
                form.goal.value = value;
              }}
            />
            <span class="goal-name">{label}</span>
            <span class="small">{text}</span>
            <span class="soft small">{wants}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
