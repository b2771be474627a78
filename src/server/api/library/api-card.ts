/** @file Cards as the API tells them: without paths, their pictures as addresses. */
import { basename } from 'node:path';
import type { Card, LibraryFolder, WholeCard } from '../../../library/index.ts';
import type { ApiCard, ApiLibraryFolder, ApiWholeCard } from '../../schemas/cards.ts';
import { versioned } from '../params.ts';

const previewUrl = ({ id, previewVersion, modifiedAt }: Card): string =>
  versioned(`/api/v1/library/cards/${id}/preview`, previewVersion ?? modifiedAt);

/** Fields that are not there are left out: the schema tells them from empty ones. */
export function apiCard(card: Card): ApiCard {
  const { hasPreview, previewVersion: _, triggers, tags, fault, ...plain } = card;
  const told = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  return {
    ...(told as unknown as ApiCard),
    triggers: triggers.map(set => ({ ...set })) as ApiCard['triggers'],
    tags: [...tags],
    ...(fault ? { fault: { ...fault } } : {}),
    ...(hasPreview ? { previewUrl: previewUrl(card) } : {}),
  };
}

export function apiWholeCard(card: WholeCard): ApiWholeCard {
  const { hashes, training, tagFrequency, metadata, sideFiles, versions, copies, findings, ...plain } = card;
  return {
    ...apiCard(plain),
    ...({
      hashes,
      training,
      tagFrequency,
      metadata,
      sideFiles,
      versions,
      copies,
      findings,
    } as unknown as Pick<
      ApiWholeCard,
      | ('hashes' | 'training' | 'tagFrequency' | 'metadata')
      | ('sideFiles' | 'versions' | 'copies' | 'findings')
    >),
  };
}

/** Where folders lie is told only to who sits at this machine. */
export function apiFolder(folder: LibraryFolder, isLocal: boolean): ApiLibraryFolder {
  const { id, path, uses, layout, state, files } = folder;
  return { id, path: isLocal ? path : basename(path), uses: [...uses], layout, state, files };
}
