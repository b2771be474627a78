"""Draws two sets of the character zorbi that differ in their grounds only, to see what one ground does to a LoRA.

    python tools/pocket/background_sets.py FOLDER     writes FOLDER/one-ground and FOLDER/many-grounds

Twelve pictures each, of the same poses from the same random numbers; captions say the pose and nothing of the ground. In
`one-ground` eleven of twelve are orange, in `many-grounds` no ground comes more than twice.
"""
import random
import sys
from pathlib import Path

from example_sets import zorbi

GROUNDS = {
    "one-ground": ["orange"] * 11 + ["white"],
    "many-grounds": ["white", "gray", "yellow", "pink", "blue", "green", "orange", "purple", "meadow", "beach", "snow", "night"],
}
POSES = ["", "waving", "with raised arms"]


def main(folder):
    for name, grounds in GROUNDS.items():
        target = folder / name
        target.mkdir(parents=True, exist_ok=True)
        for index, ground in enumerate(grounds):
            rng = random.Random(100 + index)
            pose = POSES[index % 3]
            picture = zorbi(ground, rng, pose, rng.choice([-1, 0, 1]), "open" if index % 4 == 0 else "smile")
            picture.save(target / f"{index + 1:02d}.png")
            (target / f"{index + 1:02d}.txt").write_text(" ".join(["a zorbi", pose]).strip() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
