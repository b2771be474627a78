"""Draws the training pictures once: icons with captions, and for the autoencoder also abstract compositions.

The abstract ones make it keep pictures that it has never seen, such as another style or a new character.
"""
import json
import random

import numpy as np
from PIL import Image, ImageDraw

import icons


def abstract(rng):
    """Two to seven random shapes in random colours on a random ground."""
    side = icons.S * icons.K
    colour = lambda: tuple(rng.randint(0, 255) for _ in range(3))
    point = lambda: (rng.uniform(-0.1, 1.1) * side, rng.uniform(-0.1, 1.1) * side)
    image = Image.new("RGB", (side, side), colour())
    draw = ImageDraw.Draw(image)
    for _ in range(rng.randint(2, 7)):
        kind = rng.random()
        if kind < 0.35:
            x, y = point()
            rx, ry = rng.uniform(0.03, 0.4) * side, rng.uniform(0.03, 0.4) * side
            draw.ellipse((x - rx, y - ry, x + rx, y + ry), fill=colour())
        elif kind < 0.6:
            draw.polygon([point() for _ in range(rng.randint(3, 5))], fill=colour())
        elif kind < 0.75:
            (x0, y0), (x1, y1) = point(), point()
            box = (min(x0, x1), min(y0, y1), max(x0, x1) + 1, max(y0, y1) + 1)
            draw.rounded_rectangle(box, radius=rng.uniform(0, 0.1) * side, fill=colour())
        else:
            points = [point() for _ in range(rng.randint(2, 4))]
            draw.line(points, fill=colour(), width=int(rng.uniform(0.02, 0.08) * side), joint="curve")
    return image.resize((icons.S, icons.S), Image.BOX)


def draw(count, seed, abstract_share):
    rng = random.Random(seed)
    pictures, texts = np.empty((count, icons.S, icons.S, 3), np.uint8), []
    for i in range(count):
        image, text = (abstract(rng), None) if rng.random() < abstract_share else icons.sample(rng)
        pictures[i] = np.asarray(image)
        texts.append(text)
    return pictures, texts


def draw_all(folder):
    for name, count, seed, abstract_share in [("vae", 24000, 1, 0.25), ("val", 400, 2, 0), ("icon", 40000, 3, 0)]:
        if (folder / f"{name}_c.json").exists():
            continue
        pictures, texts = draw(count, seed, abstract_share)
        np.save(folder / f"{name}_x.npy", pictures)
        (folder / f"{name}_c.json").write_text(json.dumps(texts))
