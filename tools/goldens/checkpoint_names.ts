/** @file Prints, for checkpoint_keys.py, what the tensors of the LDM layout are called here and their shapes, as JSON. */
import { ldmParts } from '../../test/support/ldm-names.ts';

console.log(JSON.stringify(Object.fromEntries(ldmParts())));
