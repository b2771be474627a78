/** @file Routes of the studio itself: status, settings, checks, and the queue as a whole. */
import { LoraError } from '../../../errors.ts';
import { checkDevice } from '../../../workbench/index.ts';
import type { StudioContext } from '../../context.ts';
import { type RouteRow, route } from '../../route.ts';
import { type ApiSettings, doctor, settings, settingsEdit, status } from '../../schemas/system.ts';
import { doctorOf } from './doctor.ts';
import { statusOf } from './status.ts';

const tag = 'system';

/** What a schema cannot know. */
function checkSettings({ library }: StudioContext, { device, base }: Partial<ApiSettings>): void {
  if (device !== undefined) checkDevice(device);
  if (base === undefined || base === 'pocket') return;
  const card = library.card(base);
  if (!card) throw new LoraError('CARD_UNKNOWN', `the library has no base ${base}`);
  if (card.use !== 'checkpoint')
    throw new LoraError('CARD_WRONG_USE', `${card.name} is no base`, { exit: 'usage' });
}

async function change(context: StudioContext, edit: Partial<ApiSettings>): Promise<ApiSettings> {
  checkSettings(context, edit);
  const before = context.settings.get();
  const after = await context.settings.change(edit);
  // What is open was opened for another device.
  if (before.device !== after.device) await context.releaseMemory();
  return after;
}

async function gate(context: StudioContext, isPaused: boolean): Promise<ReturnType<typeof statusOf>> {
  await context.queueGate.set(isPaused);
  const now = await statusOf(context);
  context.tell('status', { status: now });
  return now;
}

export const systemRoutes: readonly RouteRow[] = [
  route({
    ...{ method: 'GET', path: '/api/v1/status', policy: 'read', tag },
    summary: 'How the studio is: machine, queue, what somebody should know.',
    response: status,
    handle: statusOf,
  }),
  route({
    ...{ method: 'GET', path: '/api/v1/settings', policy: 'read', tag },
    summary: 'Settings.',
    response: settings,
    handle: context => context.settings.get(),
  }),
  route({
    ...{ method: 'PATCH', path: '/api/v1/settings', policy: 'change', tag },
    summary: 'Changes some settings.',
    ...{ body: settingsEdit, response: settings },
    handle: (context, { body }) => {
      const said = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
      return change(context, said);
    },
  }),
  route({
    ...{ method: 'GET', path: '/api/v1/doctor', policy: 'read', tag },
    summary: 'Checks this installation.',
    response: doctor,
    handle: doctorOf,
  }),
  route({
    ...{ method: 'POST', path: '/api/v1/queue/pause', policy: 'change', tag },
    summary: 'No further job begins; what runs goes on.',
    response: status,
    handle: context => gate(context, true),
  }),
  route({
    ...{ method: 'POST', path: '/api/v1/queue/resume', policy: 'change', tag },
    summary: 'Jobs begin again.',
    response: status,
    handle: context => gate(context, false),
  }),
];
