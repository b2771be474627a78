/** @file What this is, and whose work it stands on. */
import { session } from '../../api/state.ts';
import { Group } from './preferences.tsx';

/** What the page and the program are made with, as their licences ask to be named. */
const works: readonly { readonly name: string; readonly licence: string; readonly use: string }[] = [
  { name: 'ONNX Runtime', licence: 'MIT', use: 'computes' },
  { name: 'sharp and libvips', licence: 'Apache-2.0, LGPL-3.0', use: 'read and write pictures' },
  { name: 'Fastify, pino', licence: 'MIT', use: 'serve and log' },
  { name: 'zod', licence: 'MIT', use: 'checks what comes from outside' },
  { name: 'Preact and signals', licence: 'MIT', use: 'draw this page' },
  { name: 'uPlot', licence: 'MIT', use: 'draws curves' },
  {
    name: 'Inter, by Rasmus Andersson and the Inter authors',
    licence: 'SIL OFL 1.1',
    use: 'the letters of this page',
  },
];

export function About() {
  return (
    <div class="stack loose">
      <Group title="LoRA Studio">
        <p>
          Version {session.value?.version}. Low-Rank Adaptation for Stable Diffusion: train, generate with and
          look after LoRAs. MIT licence.
        </p>
        <p class="soft">
          Everything stays on this machine: the page loads nothing from the network, and the studio sends
          nothing.
        </p>
      </Group>
      <Group title="Other people’s work">
        <ul class="works">
          {works.map(({ name, licence, use }) => (
            <li key={name}>
              <span class="grow">
                {name} <span class="soft">{use}</span>
              </span>
              <span class="soft small">{licence}</span>
            </li>
          ))}
        </ul>
      </Group>
      <Group title="Programs that can use this studio">
        <p>
          Clients of A1111 (<code>/sdapi/v1</code>) and of OpenAI’s images (<code>/v1/images</code>) work with
          it, with the token as password. The studio’s own interface is described at{' '}
          <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.
        </p>
      </Group>
    </div>
  );
}
