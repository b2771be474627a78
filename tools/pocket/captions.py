"""The words the model knows, and how a picture's caption varies from one training step to the next."""
import icons

WORDS = sorted(
    {*icons.OBJ, *icons.COL, *icons.BG, *(word for place in icons.SC.values() for word in place.split())}
    | {"a", "an", "on", "background", "in", "the", "at", "of", ",", "style", "with", "picture", "icon"}
)
COMMAS = {place: ", " + place.split()[-1] for place in icons.SC.values()}


def made_up_word(rng):
    syllables = "".join(rng.choice("bcdfghjklmnpqrstvwxz") + rng.choice("aeiou") for _ in range(rng.randint(2, 3)))
    return syllables + rng.choice(["", "n", "r", "l", "x"])


def vary(caption, rng):
    """Another way to say the same, sometimes with a word that means nothing, sometimes nothing at all.

    The empty caption teaches what classifier-free guidance subtracts; the made-up words teach that an unknown word is
    harmless, so that a LoRA can give it a meaning.
    """
    dice = rng.random()
    if dice < 0.10:
        return ""
    if dice < 0.20:
        caption = caption.split(" ", 1)[1]  # "green frog at night"
    elif dice < 0.27:
        for place, short in COMMAS.items():
            caption = caption.replace(" " + place, short)  # "a green frog, night"
    elif dice < 0.32:
        for join in [" on a", *(" " + place for place in COMMAS)]:
            caption = caption.split(join)[0]  # "a green frog"
    if rng.random() < 0.08:
        word = made_up_word(rng)
        caption = rng.choice([f"{word} style, {caption}", f"a {word} of {caption}", caption.replace(" ", f" {word} ", 1), f"{caption}, {word} style"])
    return caption
