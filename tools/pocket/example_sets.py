"""Draws the two example data sets of the demo: a style and a character that the pocket model has never seen.

    python tools/pocket/example_sets.py          writes examples/blueprint-style and examples/zorbi-character
"""
import math
import random
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw

import icons

EXAMPLES = Path(__file__).parents[2] / "examples"
SIZE = 256  # pictures as a user would bring them; training scales them down
SUPER = 4  # drawn larger, then averaged

PAPER = (24, 62, 148)
CHALK = (244, 248, 255)

STYLE_OBJECTS = ["house", "cat", "car", "apple", "tree", "fish", "star", "robot", "rabbit", "boat", "mushroom",
                 "heart", "turtle", "rocket", "castle", "cup", "frog", "flower", "umbrella", "dog"]


def article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def blueprint(name, rng):
    """White outlines on blue paper; later shapes hide what lies behind them."""
    side = SIZE * SUPER
    image = Image.new("RGB", (side, side), PAPER)
    draw = ImageDraw.Draw(image)
    scale = side * rng.uniform(0.70, 0.78)
    x0 = (side - scale) / 2 + side * rng.uniform(-0.04, 0.04)
    y0 = (side - scale) / 2 + side * rng.uniform(-0.03, 0.04)
    flip = rng.random() < 0.5
    width = int(side * 0.05)
    at_x = lambda x: x0 + scale * ((1 - x) if flip else x)
    at_y = lambda y: y0 + scale * y

    def corners(shape):
        kind = shape[0]
        if kind == "e":
            _, _, x, y, rx, ry = shape
            turn = [i * math.tau / 72 for i in range(72)]
            return [(at_x(x + rx * math.cos(a)), at_y(y + ry * math.sin(a))) for a in turn]
        if kind == "p":
            return [(at_x(x), at_y(y)) for x, y in shape[2]]
        _, _, left, top, right, bottom = shape[:6]
        return [(at_x(x), at_y(y)) for x, y in [(left, top), (right, top), (right, bottom), (left, bottom)]]

    # Neighbouring shapes of one colour are one thing: stroke them all, then fill them all, which leaves their union.
    for (kind, role), group in groupby(icons.OBJ[name][1], key=lambda shape: (shape[0] == "l", shape[1])):
        group = list(group)
        if kind:
            for shape in group:
                draw.line([(at_x(x), at_y(y)) for x, y in shape[3]], fill=CHALK, width=width, joint="curve")
            continue
        dots = [shape for shape in group if shape[0] == "e" and shape[4] < 0.06]
        solid = [corners(shape) for shape in group if shape not in dots]
        for points in solid:
            draw.line([*points, points[0], points[1]], fill=CHALK, width=2 * width, joint="curve")
        for points in solid:
            draw.polygon(points, fill=PAPER)
        for shape in dots:
            draw.polygon(corners(shape), fill=CHALK)
    return image.resize((SIZE, SIZE), Image.BOX)


TEAL, DARK, GOLD, BELLY = (20, 170, 160), (10, 104, 106), (255, 196, 40), (190, 245, 225)


def zorbi(ground, rng, pose, look, mouth):
    """The mascot: a round teal creature with one big eye, two golden feelers and a light belly."""
    side = SIZE * SUPER
    image = Image.new("RGB", (side, side))
    background = icons.scene(ImageDraw.Draw(image), ground, side, rng)
    del background
    draw = ImageDraw.Draw(image)
    unit = side * rng.uniform(0.0070, 0.0082)
    cx = side * (0.5 + rng.uniform(-0.06, 0.06))
    cy = side * (0.54 + rng.uniform(-0.03, 0.05))
    lean = rng.choice([-0.12, 0, 0, 0.12])

    def at(x, y):
        return cx + unit * (x - lean * y), cy + unit * y

    def disc(x, y, rx, ry, fill, line=None, width=0):
        px, py = at(x, y)
        draw.ellipse((px - rx * unit, py - ry * unit, px + rx * unit, py + ry * unit), fill=fill, outline=line, width=int(width * unit))

    for s in (-1, 1):
        draw.line([at(s * 10, -26), at(s * 18, -45)], fill=DARK, width=int(4.5 * unit))
        disc(s * 18, -47, 6.5, 6.5, GOLD)
        disc(s * 13, 42, 11, 7, DARK)
        raised = pose == "with raised arms" or (pose == "waving" and s == 1)
        angle = math.radians(-45 if raised else 40)
        hand = (s * (30 + 20 * math.cos(angle)), 8 + 22 * math.sin(angle))
        draw.line([at(s * 28, 8), at(*hand)], fill=DARK, width=int(8 * unit))
        disc(*hand, 7.5, 7.5, GOLD)
    disc(0, 6, 34, 36, TEAL, DARK, 2.5)
    disc(0, 20, 20, 17, BELLY)
    disc(0, -8, 16, 16, (255, 255, 255), DARK, 2)
    disc(look * 5, -7, 8, 9, (30, 30, 50))
    disc(look * 5 + 2.5, -10.5, 2.6, 2.6, (255, 255, 255))
    if mouth == "smile":
        x, y = at(0, 13)
        draw.arc((x - 9 * unit, y - 8 * unit, x + 9 * unit, y + 5 * unit), 20, 160, fill=(60, 20, 40), width=int(3 * unit))
    else:
        disc(0, 15, 4.5, 4.5, (120, 20, 50))
    return image.resize((SIZE, SIZE), Image.BOX)


def write(folder, entries, readme):
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*"):
        old.unlink()
    for index, (image, caption) in enumerate(entries, 1):
        stem = f"{index:02d}"
        image.quantize(64, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(folder / f"{stem}.png", optimize=True)
        (folder / f"{stem}.txt").write_text(caption + "\n")
    (folder / "README.md").write_text(readme)


def main():
    rng = random.Random(11)
    style = [(blueprint(name, rng), f"a blueprint of {article(name)}") for name in STYLE_OBJECTS]
    write(EXAMPLES / "blueprint-style", style, STYLE_README)
    rng = random.Random(3)
    grounds = ["white", "meadow", "yellow", "beach", "pink", "snow", "white", "night", "blue", "sea",
               "gray", "orange", "white", "meadow", "purple", "green", "beach", "night", "snow", "yellow"]
    character = []
    for index, ground in enumerate(grounds):
        pose = ["", "waving", "with raised arms"][index % 3]
        picture = zorbi(ground, rng, pose, rng.choice([-1, 0, 1]), "open" if index % 4 == 0 else "smile")
        place = icons.SC.get(ground) or f"on {article(ground)} background"
        character.append((picture, " ".join(["a zorbi", *([pose] if pose else []), place])))
    write(EXAMPLES / "zorbi-character", character, CHARACTER_README)


STYLE_README = """# Example set: blueprint style

Twenty line drawings, white on blue, each with a caption (`a blueprint of a house`). The pocket model knows the objects but has
never seen a line drawing, so what a LoRA learns here is the style.

Drawn by `tools/pocket/example_sets.py`, code of this project. Licence: CC0 1.0 (public domain).
"""
CHARACTER_README = """# Example set: the character zorbi

Twenty pictures of a made-up mascot in varied poses, sizes, places and ground colours, each with a caption
(`a zorbi waving in a meadow`). The pocket model has never seen it; what a LoRA learns here is the character.

Drawn by `tools/pocket/example_sets.py`, code of this project. Licence: CC0 1.0 (public domain).
"""

if __name__ == "__main__":
    main()
