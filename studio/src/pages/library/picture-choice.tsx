/** @file A picture for a card: a file, or one of the history (those drawn with it first). */
import type { ApiPicture } from '../../../../src/server/api-types.ts';
import { api } from '../../api/routes.ts';
import { Button, Dialog, DropZone, ErrorNote, Picture, Spinner, useLoaded } from '../../parts/index.ts';

const drawnWith =
  (name: string) =>
  (one: ApiPicture): boolean =>
    one.loras.some(lora => lora.name === name);

export function PictureChoice({
  name,
  onFile,
  onPicture,
  onClose,
}: {
  readonly name: string;
  readonly onFile: (file: File) => void;
  readonly onPicture: (id: string) => void;
  readonly onClose: () => void;
}) {
  const { value, error } = useLoaded(signal => api.pictures({ limit: 200 }, signal), []);
  const isWith = drawnWith(name);
  const pictures = [...(value?.pictures ?? [])].sort((a, b) => Number(isWith(b)) - Number(isWith(a)));
  return (
    <Dialog
      title={`A picture for ${name}`}
      size="wide"
      onClose={onClose}
      actions={<Button onClick={onClose}>Cancel</Button>}
    >
      <div class="stack">
        <DropZone
          label="Drop a picture here"
          hint="or paste one"
          icon="picture"
          onFiles={([file]) => {
            if (!file) return;
            onFile(file);
            onClose();
          }}
        />
        {error !== undefined && <ErrorNote error={error} />}
        {!value && error === undefined && <Spinner label="Reading the history" />}
        {pictures.length > 0 && (
          <>
            <h3>From the history</h3>
            <div class="picture-choice">
              {pictures.map(picture => (
                <button
                  key={picture.id}
                  type="button"
                  onClick={() => {
                    onPicture(picture.id);
                    onClose();
                  }}
                >
                  <Picture
                    url={picture.url}
                    alt={picture.prompt || 'Picture without a prompt'}
                    size="320"
                    width={picture.width}
                    height={picture.height}
                  />
                </button>
              ))}
            </div>
          </>
        )}
      </div>
    </Dialog>
  );
}
