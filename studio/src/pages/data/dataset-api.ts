/** @file What the page does with data sets, as calls. */
import type { ApiCaptionChanges, ApiDataset, ApiDatasetPicture } from '../../../../src/server/api-types.ts';
import { ApiError, apiBase, call, withQuery } from '../../api/client.ts';

const of = (id: string): string => `/datasets/${encodeURIComponent(id)}`;

export const createDataset = (name: string, from?: string): Promise<ApiDataset> =>
  call('POST', '/datasets', { body: { name, ...(from === undefined ? {} : { from }) } });

/** Of this machine; it stays where it is. */
export const registerFolder = (path: string): Promise<ApiDataset> =>
  call('POST', '/datasets/folders', { body: { path } });

export const removeDataset = (id: string): Promise<object> => call('DELETE', of(id));

export const setCaption = (id: string, picture: string, text: string): Promise<ApiDatasetPicture> =>
  call('PUT', `${of(id)}/pictures/${picture}/caption`, { body: { text } });

export const undoCaptions = (id: string): Promise<ApiCaptionChanges> =>
  call('POST', `${of(id)}/captions/undo`, { body: {} });

export const removePicture = (id: string, picture: string): Promise<object> =>
  call('DELETE', `${of(id)}/pictures/${picture}`);

/** Uploads with progress, which `fetch` does not tell. Resolves with the name that the file has now. Throws ApiError. */
export function sendToDataset(
  id: string,
  file: File,
  name: string,
  onShare: (share: number) => void,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', apiBase + withQuery(`${of(id)}/pictures`, { name }));
    // Captions are files too; `text/plain` is what a form of another page could send.
    request.setRequestHeader(
      'content-type',
      file.type.startsWith('image/') ? file.type : 'application/octet-stream',
    );
    request.upload.onprogress = ({ loaded, total }) => onShare(total > 0 ? loaded / total : 0);
    request.onload = () =>
      request.status < 300 ? resolve(nameIn(request.responseText) ?? name) : reject(faultOf(request));
    request.onerror = () =>
      reject(new ApiError({ code: 'STUDIO_UNREACHABLE', status: 0, detail: 'The connection was lost.' }));
    request.onabort = () => reject(new DOMException('stopped', 'AbortError'));
    signal.addEventListener('abort', () => request.abort());
    request.send(file);
  });
}

/** A name that was taken got a number. */
function nameIn(answer: string): string | undefined {
  try {
    return (JSON.parse(answer) as Partial<ApiDatasetPicture>).name;
  } catch {
    return undefined;
  }
}

function faultOf({ status, responseText }: XMLHttpRequest): ApiError {
  try {
    return new ApiError(JSON.parse(responseText));
  } catch {
    return new ApiError({ code: `HTTP_${status}`, status, detail: `The studio answered ${status}.` });
  }
}
