/** @file Addresses of these pages and of those that they lead to. */

export const datasetPath = (id: string): string => `/data/${encodeURIComponent(id)}`;

/** The form for a new run on a data set. */
export function trainPath(dataset?: string, query: Readonly<Record<string, string>> = {}): string {
  const all = new URLSearchParams({ ...(dataset === undefined ? {} : { dataset }), ...query });
  return `/train/new${all.size > 0 ? `?${all}` : ''}`;
}

export const runPath = (job: string): string => `/train/${encodeURIComponent(job)}`;
