import fc from 'fast-check';
import { parseRecipe } from './training/recipe/read-recipe.ts';
import { recipeFields, recipeSchema } from './training/recipe/schema.ts';
const s = recipeSchema.partial().strict();
let t = performance.now();
for (let i = 0; i < 10000; i++) s.safeParse({ rank: 4, steps: 3 });
console.log('parse', performance.now() - t); t = performance.now();
for (let i = 0; i < 3000; i++) try { parseRecipe('{"rnak": 4}', 'r.json'); } catch {}
console.log('typo/3000', performance.now() - t); t = performance.now();
for (let i = 0; i < 3000; i++) try { parseRecipe('{"kind": "lorra"}', 'r.json'); } catch {}
console.log('value/3000', performance.now() - t); t = performance.now();
for (let i = 0; i < 3000; i++) try { parseRecipe('{"rank": 3}', 'r.json'); } catch {}
console.log('fine/3000', performance.now() - t);
