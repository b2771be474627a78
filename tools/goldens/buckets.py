"""Golden buckets: kohya's rule (make_bucket_resolutions, select_bucket) written from its description.

Writes test/golden/data/buckets.json. Usage: python tools/goldens/buckets.py
"""

import json
import math
import random
from pathlib import Path


def bucket_sizes(width, height, low, high, step):
    area = width * height
    side = int(math.sqrt(area) // step) * step
    sizes = {(side, side)}
    for w in range(low, high + 1, step):
        h = min(high, ((area // w) // step) * step)
        if h >= low:
            sizes |= {(w, h), (h, w)}
    return sorted(sizes)


def assign(w, h, sizes):
    aspect = w / h
    if (w, h) in sizes:
        bucket = (w, h)
    else:
        errors = [abs(bw / bh - aspect) for bw, bh in sizes]
        bucket = sizes[errors.index(min(errors))]
    scale = bucket[1] / h if aspect > bucket[0] / bucket[1] else bucket[0] / w
    return bucket, (int(w * scale + 0.5), int(h * scale + 0.5))


def assign_without_enlarging(w, h, area, step):
    aspect = w / h
    resized = (w, h)
    if w * h > area:
        def to_steps(x):
            whole = int(x + 0.5)
            return whole - whole % step

        exact_w = math.sqrt(area * aspect)
        by_w = to_steps(exact_w)
        by_h = to_steps(area / exact_w)
        error_w = abs(by_w / to_steps(by_w / aspect) - aspect)
        error_h = abs(to_steps(by_h * aspect) / by_h - aspect)
        if error_w < error_h:
            resized = (by_w, int(by_w / aspect + 0.5))
        else:
            resized = (int(by_h * aspect + 0.5), by_h)
    return (resized[0] - resized[0] % step, resized[1] - resized[1] % step), resized


def row(w, h, bucket, resized):
    return [w, h, *bucket, *resized, (resized[0] - bucket[0]) // 2, (resized[1] - bucket[1]) // 2]


def main():
    draw = random.Random(7)
    out = []
    for side, low, high, step in [
        (512, 256, 1024, 64),
        (1024, 256, 1024, 64),
        (1024, 256, 2048, 64),
        (768, 320, 960, 64),
        (64, 32, 128, 8),
        (96, 48, 192, 16),
    ]:
        sizes = bucket_sizes(side, side, low, high, step)
        pictures = [(draw.randint(step, 4 * side), draw.randint(step, 4 * side)) for _ in range(40)]
        pictures += [(side, side), sizes[0], (3000, 2000), (2000, 3000), (1920, 1080), (4032, 3024)]
        # Beyond this aspect ratio kohya's own no-upscale rule divides by zero.
        mild = [(w, h) for w, h in pictures if max(w / h, h / w) < 3]
        out.append({
            "options": {"resolution": {"width": side, "height": side}, "min": low, "max": high, "step": step},
            "sizes": sizes,
            "assigned": [row(w, h, *assign(w, h, sizes)) for w, h in pictures],
            "assignedWithoutEnlarging": [
                row(w, h, *assign_without_enlarging(w, h, side * side, step)) for w, h in mild
            ],
        })
    path = Path(__file__).parents[2] / "test/golden/data/buckets.json"
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(path, [len(case["sizes"]) for case in out])


main()
