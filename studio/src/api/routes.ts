/** @file The API's routes as functions: addresses stand here and nowhere else. */
import type {
  ApiArtefact,
  ApiCaptionChanges,
  ApiCaptionEdit,
  ApiCard,
  ApiCardEdit,
  ApiCardPage,
  ApiDataset,
  ApiDatasetPicture,
  ApiDoctor,
  ApiFacets,
  ApiGenerationOptions,
  ApiJob,
  ApiJobMove,
  ApiLibraryFolder,
  ApiNewJob,
  ApiPicture,
  ApiReadPicture,
  ApiRecipeOptions,
  ApiSession,
  ApiSettings,
  ApiStatus,
  ApiTrainingRows,
  ApiUpload,
  ApiWholeCard,
  ApiWholeDataset,
  ApiWholeJob,
  ApiWholePicture,
} from '../../../src/server/api-types.ts';
import { apiBase, call, sendFile, withQuery } from './client.ts';

type Query = Readonly<Record<string, string | number | boolean | undefined>>;
type Stop = AbortSignal | undefined;
const part = encodeURIComponent;
const get = <T>(path: string, query?: Query, signal?: Stop): Promise<T> =>
  call<T>('GET', path, { query, signal });
const post = <T>(path: string, body: unknown = {}): Promise<T> => call<T>('POST', path, { body });

export interface JobLogLine {
  readonly at: number;
  readonly level: 'note' | 'warning' | 'error';
  readonly text: string;
}

export const api = {
  session: () => get<ApiSession>('/session'),
  signIn: (token: string) => post<ApiSession>('/session', { token }),
  status: () => get<ApiStatus>('/status'),
  settings: () => get<ApiSettings>('/settings'),
  changeSettings: (edit: Partial<ApiSettings>) => call<ApiSettings>('PATCH', '/settings', { body: edit }),
  doctor: (signal?: Stop) => get<ApiDoctor>('/doctor', {}, signal),
  generationOptions: () => get<ApiGenerationOptions>('/options/generation'),
  recipeOptions: () => get<ApiRecipeOptions>('/options/recipe'),

  jobs: (query: Query = {}, signal?: Stop) => get<{ total: number; jobs: ApiJob[] }>('/jobs', query, signal),
  addJob: (job: ApiNewJob) => post<ApiJob>('/jobs', job),
  job: (id: string, signal?: Stop) => get<ApiWholeJob>(`/jobs/${part(id)}`, {}, signal),
  jobLog: (id: string) => get<{ lines: JobLogLine[] }>(`/jobs/${part(id)}/log`),
  trainingRows: (id: string, query: Query = {}, signal?: Stop) =>
    get<ApiTrainingRows>(`/jobs/${part(id)}/training`, query, signal),
  cancelJob: (id: string) => post<ApiJob>(`/jobs/${part(id)}/cancel`),
  pauseJob: (id: string) => post<ApiJob>(`/jobs/${part(id)}/pause`),
  resumeJob: (id: string) => post<ApiJob>(`/jobs/${part(id)}/resume`),
  retryJob: (id: string) => post<ApiJob>(`/jobs/${part(id)}/retry`),
  moveJob: (id: string, to: ApiJobMove['to']) => post<ApiJob>(`/jobs/${part(id)}/move`, { to }),
  removeJob: (id: string) => call<object>('DELETE', `/jobs/${part(id)}`),
  pauseQueue: () => post<object>('/queue/pause'),
  resumeQueue: () => post<object>('/queue/resume'),

  cards: (query: Query = {}, signal?: Stop) => get<ApiCardPage>('/library/cards', query, signal),
  card: (id: string, signal?: Stop) => get<ApiWholeCard>(`/library/cards/${part(id)}`, {}, signal),
  editCard: (id: string, edit: ApiCardEdit) =>
    call<ApiWholeCard>('PATCH', `/library/cards/${part(id)}`, { body: edit }),
  /** A picture of the user's for a card. */
  setPreview: (id: string, picture: Blob) =>
    sendFile<object>(`/library/cards/${part(id)}/preview`, picture, { method: 'PUT' }),
  facets: (use?: ApiCard['use']) => get<ApiFacets>('/library/facets', { use }),
  folders: () => get<{ folders: ApiLibraryFolder[] }>('/library/folders'),
  addFolder: (path: string) => post<{ folders: ApiLibraryFolder[] }>('/library/folders', { path }),
  removeFolder: (id: string) => call<object>('DELETE', `/library/folders/${part(id)}`),
  scan: () => post<object>('/library/scan'),

  pictures: (query: Query = {}, signal?: Stop) =>
    get<{ total: number; pictures: ApiPicture[] }>('/pictures', query, signal),
  picture: (id: string, signal?: Stop) => get<ApiWholePicture>(`/pictures/${part(id)}`, {}, signal),
  editPicture: (id: string, edit: { favourite: boolean }) =>
    call<ApiPicture>('PATCH', `/pictures/${part(id)}`, { body: edit }),
  deletePicture: (id: string) => call<object>('DELETE', `/pictures/${part(id)}`, { keepAlive: true }),
  readPicture: (file: Blob) => sendFile<ApiReadPicture>('/pictures/read', file),
  upload: (file: Blob, signal?: Stop) => sendFile<ApiUpload>('/uploads', file, { signal }),

  datasets: (signal?: Stop) => get<{ datasets: ApiDataset[] }>('/datasets', {}, signal),
  dataset: (id: string, signal?: Stop) => get<ApiWholeDataset>(`/datasets/${part(id)}`, {}, signal),
  addDataset: (body: { name: string; from?: string }) => post<ApiWholeDataset>('/datasets', body),
  captionEdit: (id: string, edit: ApiCaptionEdit) =>
    post<ApiCaptionChanges>(`/datasets/${part(id)}/captions`, edit),
  addDatasetPicture: (id: string, file: File, signal?: Stop) =>
    sendFile<ApiDatasetPicture>(`/datasets/${part(id)}/pictures`, file, {
      query: { name: file.name },
      signal,
    }),
};

/** A picture of the API in one of the widths that it serves. */
export function pictureAt(url: string, size: '96' | '320' | '640' | '1280' | 'full'): string {
  return url + (url.includes('?') ? '&' : '?') + `size=${size}`;
}

export const artefactDownload = ({ url }: Pick<ApiArtefact, 'url'>): string =>
  withQuery(url, { download: true });
/** The file of a picture itself, with its parameters in it. */
export const pictureFile = (id: string): string => `${apiBase}/pictures/${part(id)}/file`;
