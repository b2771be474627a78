/**
 * @file Draws a data set with known faults, for trying `lora dataset report`:
 *
 *     node tools/planted-faults.ts folder --seed 3 --pictures 16 --faults "blurred, jpeg, copies, one ground"
 *
 * Without --faults the set is clean. What was planted goes to stdout as JSON.
 */
import { parseArgs } from 'node:util';
import { pictureFaults } from '../test/support/planted/faults.ts';
import { plantSet, setFaults } from '../test/support/planted/planted-set.ts';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '0' },
    pictures: { type: 'string', default: '16' },
    faults: { type: 'string', default: '' },
  },
});
const [folder] = positionals;
const faults = values.faults
  .split(',')
  .map(name => name.trim())
  .filter(Boolean);
const known: readonly string[] = [...Object.keys(pictureFaults), ...setFaults];
const unknown = faults.filter(name => !known.includes(name));
if (!folder || unknown.length > 0) {
  console.error(`usage: planted-faults <folder> [--seed n] [--pictures n] [--faults "${known.join(', ')}"]`);
  process.exit(2);
}
const made = await plantSet(folder, { seed: Number(values.seed), pictures: Number(values.pictures), faults });
console.log(JSON.stringify(made, null, 2));
