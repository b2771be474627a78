/** @file What stands above every page while it matters: the connection is lost, the disk is full. */
import { connection, reconnectNow } from '../api/events.ts';
import { status } from '../api/state.ts';
import { Button, bytes, Icon } from '../parts/index.ts';

export function Banner() {
  const disk = status.value?.disk;
  return (
    <div role="status" class="banners">
      {connection.value === 'lost' && (
        <div class="banner">
          <Icon name="offline" />
          <span class="grow">
            Connection lost. This page goes on by itself as soon as the studio answers.
          </span>
          <Button size="small" onClick={reconnectNow}>
            Try now
          </Button>
        </div>
      )}
      {disk?.isLow && (
        <div class="banner">
          <Icon name="warning" />
          <span class="grow">
            The disk is nearly full: {bytes(disk.free)} free. No job begins until there is room.
          </span>
        </div>
      )}
    </div>
  );
}
