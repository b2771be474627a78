"""Measures the pocket model on 200 prompts and seeds that no training step saw, and draws a contact sheet.

    python tools/pocket/score.py --state pocket.run-state [--model pretrained/pocket]

object   a small classifier, trained here on drawn icons, names the object of the prompt
ground   the same classifier names the ground or scene of the prompt
colour   the object has at least half as many pixels of the prompt's colour as the same icon when drawn

The drawn icons themselves are scored too: that is the most a model can reach.
"""
import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from PIL import Image, ImageDraw
from torch import nn
from transformers import CLIPTextModel

import icons
import vae
from tokenizer import Tokenizer
from captions import WORDS

OBJECTS, COLOURS, GROUNDS = list(icons.OBJ), list(icons.COL), [*icons.BG, *icons.SC]
PROMPTS, FIRST_SEED = 200, 9_000_000
GUIDANCE, STEPS = 4.5, 25
GOALS = {"object": 0.85, "ground": 0.95, "colour": 0.90}


class Classifier(nn.Module):
    """Pictures [n, 3, 64, 64] to scores of object and ground."""

    def __init__(self):
        super().__init__()
        widths = [3, 24, 48, 96, 128]
        layers = [
            layer
            for a, b in zip(widths, widths[1:])
            for layer in (nn.Conv2d(a, b, 3, padding=1), nn.GroupNorm(8, b), nn.SiLU(), nn.Conv2d(b, b, 3, stride=2, padding=1), nn.SiLU())
        ]
        self.body = nn.Sequential(*layers, nn.Flatten())
        self.object, self.ground = nn.Linear(128 * 16, len(OBJECTS)), nn.Linear(128 * 16, len(GROUNDS))

    def forward(self, pictures):
        features = self.body(pictures)
        return self.object(features), self.ground(features)


def draw(count, seed):
    """Icons with a named colour, and what they show."""
    rng = random.Random(seed)
    pictures, shown = [], []
    for _ in range(count):
        name, colour, ground = rng.choice(OBJECTS), rng.choice(COLOURS), rng.choice(GROUNDS)
        image, text = icons.sample(rng, name, colour, ground)
        pictures.append(np.asarray(image))
        shown.append((name, colour, ground, text))
    return np.stack(pictures), shown


def labels(shown):
    return (torch.tensor([OBJECTS.index(s[0]) for s in shown]), torch.tensor([GROUNDS.index(s[2]) for s in shown]))


def train_classifier(path, count=9000, epochs=4, batch=64):
    """Softened and noisy pictures among the sharp ones keep it from judging sharpness instead of shape."""
    if path.exists():
        model = Classifier()
        model.load_state_dict(torch.load(path))
        return model.eval()
    torch.manual_seed(0)
    pictures, shown = draw(count, seed=71)
    images, (objects, grounds) = vae.from_bytes(pictures), labels(shown)
    model = Classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    steps = epochs * count // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for step in range(steps):
        draw_from = torch.Generator().manual_seed(step)
        chosen = torch.randint(0, count, (batch,), generator=draw_from)
        x = images[chosen]
        x[::3] = nn.functional.avg_pool2d(x[::3], 3, stride=1, padding=1, count_include_pad=False)
        x = x + 0.08 * torch.randn(x.shape, generator=draw_from)
        by_object, by_ground = model(x)
        loss = nn.functional.cross_entropy(by_object, objects[chosen]) + nn.functional.cross_entropy(by_ground, grounds[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    torch.save(model.state_dict(), path)
    return model.eval()


def colour_share(picture, colour):
    """Share of the middle of the picture whose nearest palette colour is this one."""
    palette = np.array([*icons.COL.values(), *icons.BG.values(), *icons.FIX.values()], float)
    middle = picture[8:-8, 8:-8].reshape(-1, 3).astype(float)
    distance = ((middle[:, None] - palette[None]) ** 2).sum(-1) ** 0.5
    index = COLOURS.index(colour)
    return float(((distance.argmin(1) == index) & (distance[:, index] < 60)).mean())


def usual_share(name, colour, ground):
    """The same share when the icon is drawn."""
    rng = random.Random(f"{name} {colour} {ground}")
    return float(np.median([colour_share(np.asarray(icons.sample(rng, name, colour, ground)[0]), colour) for _ in range(5)]))


@torch.no_grad()
def score(classifier, pictures, shown):
    by_object, by_ground = classifier(vae.from_bytes(pictures))
    objects, grounds = labels(shown)
    colour = [colour_share(picture, s[1]) >= 0.5 * usual_share(*s[:3]) for picture, s in zip(pictures, shown)]
    return {"object": (by_object.argmax(1) == objects).numpy(), "ground": (by_ground.argmax(1) == grounds).numpy(), "colour": np.array(colour)}


@torch.no_grad()
def generate(folder, shown):
    """One picture a prompt, each from a seed of its own, by DDIM."""
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").float().eval()
    text_encoder = CLIPTextModel.from_pretrained(folder / "text_encoder").float().eval()
    autoencoder = AutoencoderKL.from_pretrained(folder / "vae").float().eval()
    tokenizer = Tokenizer(WORDS)
    scheduler = DDIMScheduler.from_pretrained(folder / "scheduler")
    side, channels = unet.config.sample_size, unet.config.in_channels
    states = lambda texts: text_encoder(torch.tensor([tokenizer(text) for text in texts]))[0]
    out = []
    for start in range(0, len(shown), 50):
        part = shown[start : start + 50]
        noise = [torch.randn(1, channels, side, side, generator=torch.Generator().manual_seed(FIRST_SEED + start + i)) for i in range(len(part))]
        latents, context = torch.cat(noise), torch.cat([states([""] * len(part)), states([s[3] for s in part])])
        scheduler.set_timesteps(STEPS)
        for t in scheduler.timesteps:
            empty, told = unet(torch.cat([latents, latents]), t, context).sample.chunk(2)
            latents = scheduler.step(empty + GUIDANCE * (told - empty), t, latents).prev_sample
        out.append(vae.to_bytes(autoencoder.decode(latents / autoencoder.config.scaling_factor).sample))
    return np.concatenate(out)


def contact_sheet(pictures, shown, passed, path, across=10, side=128):
    rows = -(-len(pictures) // across)
    page = Image.new("RGB", (across * (side + 8), rows * (side + 30)), "white")
    pen = ImageDraw.Draw(page)
    for i, (picture, (_, _, _, text)) in enumerate(zip(pictures, shown)):
        x, y = i % across * (side + 8), i // across * (side + 30)
        page.paste(Image.fromarray(picture).resize((side, side), Image.BICUBIC), (x, y))
        missed = [kind for kind, good in passed.items() if not good[i]]
        pen.text((x, y + side), text.replace(" background", ""), fill="black", font_size=9)
        pen.text((x, y + side + 11), " ".join(missed), fill="red", font_size=9)
    page.save(path)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--state", type=Path, required=True, help="folder for the classifier, the sheet and the scores")
    options.add_argument("--model", type=Path, default=Path(__file__).parents[2] / "pretrained" / "pocket")
    given = options.parse_args()
    torch.set_num_threads(2)
    classifier = train_classifier(given.state / "classifier.pt")
    drawn, shown = draw(PROMPTS, seed=73)
    most = score(classifier, drawn, shown)
    pictures = generate(given.model, shown)
    passed = score(classifier, pictures, shown)
    contact_sheet(pictures[:100], shown, passed, given.state / "score.png")
    result = {kind: {"model": float(passed[kind].mean()), "drawn": float(most[kind].mean()), "goal": goal} for kind, goal in GOALS.items()}
    (given.state / "score.json").write_text(json.dumps(result, indent=2) + "\n")
    for kind, row in result.items():
        print(f"{kind:8} {row['model']:6.1%}   drawn icons {row['drawn']:6.1%}   goal {row['goal']:.0%}")
    worst = sorted(OBJECTS, key=lambda name: np.mean([p for p, s in zip(passed["object"], shown) if s[0] == name] or [1]))[:6]
    print("weakest objects:", ", ".join(worst))


if __name__ == "__main__":
    main()
