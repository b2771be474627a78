"""Golden event files: what TensorBoard's own record writer and protobuf classes make of scalars and pictures.

Writes test/golden/data/tensorboard-events.json: the moments, and the whole file as base64.
`--read <folder>` instead prints what TensorBoard's reader finds in a run's folder, as JSON.
Usage: python tools/goldens/tensorboard_events.py   (pip install tensorboard pillow)
"""

import base64
import io
import json
import sys
from pathlib import Path

from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

SCALARS = [
    (1700000000.0, 1, {"loss/current": 0.1, "lr/unet": 1e-4}),
    (1700000000.25, 2, {"loss/current": 0.0, "lr/unet": -1.5e-30}),
    (1700000001.125, 127, {"größe/日本語": 3.4e38}),
    (1700000002.0, 128, {"a" * 200: 1.0}),
    (1700000003.0, 16384, {"loss/validation": 0.30000001192092896, "validation/low": 0.25, "validation/high": 0.5}),
    (1700000004.0, 5_000_000_000, {"step/large": 2.0}),
    (1700000005.0, 0, {"step/zero": 1.0}),
]


def png(width, height):
    image = Image.new("RGB", (width, height))
    image.putdata([(x * 40 % 256, y * 60 % 256, 7) for y in range(height) for x in range(width)])
    out = io.BytesIO()
    image.save(out, "png")
    return out.getvalue()


def golden():
    out = io.BytesIO()
    writer = RecordWriter(out)
    writer.write(Event(wall_time=1700000000.0, file_version="brain.Event:2").SerializeToString())
    for time, step, scalars in SCALARS:
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        writer.write(Event(wall_time=time, step=step, summary=Summary(value=values)).SerializeToString())
    picture = png(5, 3)
    image = Summary.Image(height=3, width=5, colorspace=3, encoded_image_string=picture)
    value = Summary.Value(tag="preview/00", image=image)
    writer.write(Event(wall_time=1700000006.0, step=50, summary=Summary(value=[value])).SerializeToString())
    data = {
        "scalars": [{"time": time, "step": step, "scalars": scalars} for time, step, scalars in SCALARS],
        "picture": base64.b64encode(picture).decode(),
        "file": base64.b64encode(out.getvalue()).decode(),
    }
    path = Path(__file__).parents[2] / "test/golden/data/tensorboard-events.json"
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf8")


def read(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(folder, size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    scalars = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]}
    pictures = {tag: [[e.step, e.width, e.height] for e in events.Images(tag)] for tag in tags["images"]}
    print(json.dumps({"scalars": scalars, "pictures": pictures}))


if sys.argv[1:2] == ["--read"]:
    read(sys.argv[2])
else:
    golden()
