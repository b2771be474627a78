import { fieldGroups } from './training/recipe/groups.ts';
import { recipeFields } from './training/recipe/schema.ts';
import { allowedWords } from './training/recipe/allowed.ts';
const g = fieldGroups.flatMap(x => Object.keys(x.fields));
console.log(recipeFields.filter(f => !g.includes(f)), g.filter(f => !recipeFields.includes(f as never)), g.length, new Set(g).size, recipeFields.length);
for (const f of recipeFields) console.log(f, '|', allowedWords(f));
console.log(allowedWords('overrides', [0, 'rank']), allowedWords('resolution', ['width']));
