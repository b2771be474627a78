"""What sd-scripts does with pictures and captions -> test/golden/data/kohya-*.json

    python tools/goldens/kohya_data.py <clone of kohya-ss/sd-scripts>

Its own classes are taken out of library/train_util.py and run as they stand; of its many requirements only numpy, OpenCV, Pillow,
imagesize, toml and voluptuous are needed. Made from 48d368fa (2026-02-16)."""
import __future__
import ast
import colorsys
import glob
import json
import logging
import math
import os
import random
import re
import sys
import tempfile
import types
import typing
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path

import cv2
import imagesize
import numpy as np
import torch
from PIL import Image

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
ROOT = Path(sys.argv[1])
logging.disable(logging.CRITICAL)


def load(path, names, space):
    """Classes and functions of a file, without the rest of it."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in names:
            exec(compile(ast.Module([node], []), path, "exec", flags=__future__.annotations.compiler_flag), space)
    return space


class NoStrategy:
    @staticmethod
    def get_strategy():
        return None


def train_util():
    model_util = types.SimpleNamespace(**load("library/model_util.py", {"make_bucket_resolutions"}, {"math": math}))
    space = {name: getattr(typing, name) for name in ("Any", "Callable", "Dict", "List", "NamedTuple", "Optional", "Sequence", "Tuple", "Union")}
    space.update(
        torch=torch, np=np, cv2=cv2, os=os, re=re, math=math, random=random, glob=glob, json=json, Image=Image,
        imagesize=imagesize, model_util=model_util, logger=logging.getLogger("kohya"), tqdm=lambda x, **k: x,
        IMAGE_TRANSFORMS=None, TEXT_ENCODER_OUTPUTS_CACHE_SUFFIX="", IMAGE_EXTENSIONS=[".png", ".jpg"], validate_interpolation_fn=lambda name: True,
        TokenizeStrategy=NoStrategy, TextEncoderOutputsCachingStrategy=NoStrategy, LatentsCachingStrategy=NoStrategy,
    )
    return load("library/train_util.py", {
        "BucketManager", "BucketBatchIndex", "AugHelper", "BaseSubset", "DreamBoothSubset", "FineTuningSubset", "ControlNetSubset",
        "BaseDataset", "DreamBoothDataset", "FineTuningDataset", "ControlNetDataset", "DatasetGroup", "ImageInfo", "glob_images",
        "split_train_val",
    }, space)


TRAIN_UTIL = train_util()


# --- buckets ---------------------------------------------------------------------------------------------------------

def buckets():
    draw = random.Random(7)
    out = []
    for width, height, low, high, step in [
        (512, 512, 256, 1024, 64), (768, 768, 384, 1536, 64), (1024, 1024, 256, 1024, 64), (1024, 1024, 512, 2048, 64),
        (512, 768, 384, 1536, 64), (64, 64, 32, 128, 8), (96, 96, 48, 192, 16),
    ]:
        manager = TRAIN_UTIL["BucketManager"](False, (width, height), low, high, step)
        manager.make_buckets()
        free = TRAIN_UTIL["BucketManager"](True, (width, height), low, high, step)
        side = max(width, height)
        sizes = [(draw.randint(step, 4 * side), draw.randint(step, 4 * side)) for _ in range(40)]
        sizes += [(side, side), manager.predefined_resos[0], (3000, 2000), (2000, 3000), (1920, 1080), (832, 1216), (4032, 3024)]
        # Beyond this aspect ratio sd-scripts' own rule without enlarging divides by zero.
        mild = [(w, h) for w, h in sizes if max(w / h, h / w) < 3]

        def row(chosen, size):
            reso, resized, _ = chosen.select_bucket(*size)
            trim = [resized[axis] - reso[axis] for axis in (0, 1)]
            return [*size, *reso, *resized, trim[0] // 2, trim[1] // 2]

        out.append({
            "options": {"resolution": {"width": width, "height": height}, "min": low, "max": high, "step": step},
            "sizes": manager.predefined_resos,
            "assigned": [row(manager, size) for size in sizes],
            "assignedWithoutEnlarging": [row(free, size) for size in mild],
        })
    return out


# --- captions --------------------------------------------------------------------------------------------------------

class RecordedRandom:
    """The draws that process_caption makes, as another generator can repeat them."""

    def __init__(self, seed):
        self.source = random.Random(seed)
        self.uniforms, self.choices, self.orders = [], [], []

    def random(self):
        self.uniforms.append(self.source.random())
        return self.uniforms[-1]

    def choice(self, values):
        self.choices.append(self.source.randrange(len(values)))
        return values[self.choices[-1]]

    def shuffle(self, values):
        order = list(range(len(values)))
        self.source.shuffle(order)
        self.orders.append(order)
        values[:] = [values[i] for i in order]


CAPTIONS = [
    "1girl, red hat, smiling, outdoors, tree",
    "zork ||| red hat, smiling, outdoors ||| best quality, photo",
    "zork, hat ||| a, b, , c",
    "a {red|green|blue} cat, {sitting|lying}, {{literal}}",
    "first line, {x|y}, tag\nsecond line, other\nthird",
    "a photo; of a cat;, grass, tree;;; house, sky",
    "",
    "one",
    " spaced ,, double , tag ",
    "⦅odd⦆ {a|⦅b⦆}, {single}, {|empty}",
    "||| only flexible, tags",
    "a, b ||| c ||| d ||| e",
]
RULES = [
    {},
    {"shuffle_caption": True},
    {"shuffle_caption": True, "keep_tokens": 2},
    {"shuffle_caption": True, "keep_tokens": 1, "keep_tokens_separator": "|||"},
    {"caption_tag_dropout_rate": 0.5, "keep_tokens": 1},
    {"caption_tag_dropout_rate": 1.0, "keep_tokens_separator": "|||"},
    {"enable_wildcard": True},
    {"enable_wildcard": True, "shuffle_caption": True, "secondary_separator": ";;;"},
    {"secondary_separator": ";"},
    {"shuffle_caption": True, "caption_separator": ";", "secondary_separator": ","},
    {"caption_dropout_rate": 0.5, "shuffle_caption": True},
    {"caption_dropout_every_n_epochs": 2},
    {"caption_prefix": "photo of", "caption_suffix": "in a park", "enable_wildcard": True},
    {"caption_prefix": "masterpiece, zork,", "shuffle_caption": True, "keep_tokens": 2, "caption_tag_dropout_rate": 0.2},
    {"token_warmup_step": 10, "token_warmup_min": 2},
    {"token_warmup_step": 0.5, "shuffle_caption": True, "keep_tokens": 1},
    {"token_warmup_step": 7, "token_warmup_min": 3, "caption_tag_dropout_rate": 0.3, "enable_wildcard": True, "caption_suffix": "end"},
]


def subset(**given):
    values = dict(
        image_dir=None, alpha_mask=False, num_repeats=1, shuffle_caption=False, caption_separator=",", keep_tokens=0,
        keep_tokens_separator="", secondary_separator=None, enable_wildcard=False, color_aug=False, flip_aug=False,
        face_crop_aug_range=None, random_crop=False, caption_dropout_rate=0.0, caption_dropout_every_n_epochs=0,
        caption_tag_dropout_rate=0.0, caption_prefix=None, caption_suffix=None, token_warmup_min=1, token_warmup_step=0,
    )
    return TRAIN_UTIL["BaseSubset"](**{**values, **given})


def captions():
    dataset = TRAIN_UTIL["BaseDataset"]((512, 512), 1.0, False)
    dataset.set_max_train_steps(40)
    draws = []
    seed = 0
    for r, rules in enumerate(RULES):
        for c, caption in enumerate(CAPTIONS):
            for step, epoch in [(0, 1), (3, 2), (25, 3)]:
                seed += 1
                recorded = RecordedRandom(seed)
                TRAIN_UTIL["random"] = recorded
                dataset.current_epoch = epoch
                dataset.set_current_step(step)
                text = dataset.process_caption(subset(**rules), caption)
                TRAIN_UTIL["random"] = random
                draws.append([r, c, step, epoch, [round(x, 4) for x in recorded.uniforms], recorded.choices, recorded.orders, text])
    return {"steps": 40, "rules": RULES, "captions": CAPTIONS, "draws": draws}


# --- data set files --------------------------------------------------------------------------------------------------

CONFIGS = {
    "inheritance": """
[general]
shuffle_caption = true
caption_extension = ".txt"
keep_tokens = 1
resolution = 512
flip_aug = true

[[datasets]]
batch_size = 4
keep_tokens = 2
enable_bucket = true
max_bucket_reso = 2048

  [[datasets.subsets]]
  image_dir = "a"
  num_repeats = 10

  [[datasets.subsets]]
  image_dir = "b"
  class_tokens = "zork cat"
  keep_tokens = 3
  shuffle_caption = false
  caption_dropout_rate = 0.25
  caption_tag_dropout_rate = 1
  is_reg = true
""",
    "everything": """
[general]
enable_bucket = true
bucket_no_upscale = true
bucket_reso_steps = 32
min_bucket_reso = 128

[[datasets]]
resolution = [768, 512]
batch_size = 2
caption_prefix = "p"

  [[datasets.subsets]]
  image_dir = "a"
  num_repeats = 3
  color_aug = true
  random_crop = true
  alpha_mask = true
  keep_tokens_separator = "|||"
  secondary_separator = ";;;"
  caption_separator = ";"
  enable_wildcard = true
  token_warmup_min = 2
  token_warmup_step = 0.3
  caption_suffix = "s"
  caption_dropout_every_n_epochs = 5
""",
    "fine-tuning": """
[[datasets]]
resolution = 1024
  [[datasets.subsets]]
  image_dir = "a"
  metadata_file = "meta.json"
  num_repeats = 2
  flip_aug = true
""",
}
FAULTS = {
    "unknown key": '[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nimage_dir = "a"\nnum_repeat = 3\n',
    "dataset key in a subset": '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a"\nbatch_size = 3\n',
    "no image_dir": "[[datasets]]\nresolution = 512\n[[datasets.subsets]]\nnum_repeats = 3\n",
    "text for a number": '[[datasets]]\nresolution = "512"\n[[datasets.subsets]]\nimage_dir = "a"\n',
    "fraction of a repeat": '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a"\nnum_repeats = 1.5\n',
    "is_reg above subsets": '[general]\nis_reg = true\n[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a"\n',
    "two kinds of subsets": '[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a"\n[[datasets.subsets]]\nmetadata_file = "m"\n',
    "three sides": '[[datasets]]\nresolution = [1, 2, 3]\n[[datasets.subsets]]\nimage_dir = "a"\n',
    "unknown table": '[generel]\nflip_aug = true\n[[datasets]]\n[[datasets.subsets]]\nimage_dir = "a"\n',
}


def config_util():
    library = types.ModuleType("library")
    library.__path__ = [str(ROOT / "library")]
    utils, util = types.ModuleType("library.utils"), types.ModuleType("library.train_util")
    utils.setup_logging = lambda *a, **k: None
    for name in ("DreamBoothSubset", "FineTuningSubset", "ControlNetSubset", "DreamBoothDataset", "FineTuningDataset",
                 "ControlNetDataset", "DatasetGroup"):
        setattr(util, name, TRAIN_UTIL[name])
    sys.modules.update({"library": library, "library.utils": utils, "library.train_util": util})
    library.train_util = util
    import library.config_util as module
    return module


def configs():
    import toml

    module = config_util()
    generator = module.BlueprintGenerator(module.ConfigSanitizer(True, True, True, True))
    # The command line's defaults that data set files fall back to.
    given = Namespace(caption_separator=",", keep_tokens_separator="", caption_extension=".caption", train_batch_size=1,
                      dataset_repeats=1, resolution=None, face_crop_aug_range=None, debug_dataset=False, prior_loss_weight=1.0)
    read = {}
    for name, text in CONFIGS.items():
        blueprint = generator.generate(toml.loads(text), given)
        read[name] = {
            "toml": text,
            "datasets": [{"params": asdict(d.params), "subsets": [asdict(s.params) for s in d.subsets]}
                         for d in blueprint.dataset_group.datasets],
        }
    refused = {}
    for name, text in FAULTS.items():
        try:
            generator.generate(toml.loads(text), given)
        except Exception as error:
            refused[name] = {"toml": text, "says": str(error)}
        else:
            raise AssertionError(f"sd-scripts takes {name}")
    schemas = generator.sanitizer
    keys = {
        "general": schemas.general_schema,
        "folder": [schemas.db_dataset_schema, schemas.db_subset_schema],
        "metadata": [schemas.ft_dataset_schema, schemas.ft_subset_schema],
        "conditioning": [schemas.cn_dataset_schema, schemas.cn_subset_schema],
    }
    names = lambda schema: sorted(map(str, schema)) if isinstance(schema, dict) else [names(s) for s in schema]
    return {"keys": {name: names(schema) for name, schema in keys.items()}, "read": read, "refused": refused}


# --- regularisation --------------------------------------------------------------------------------------------------

def regularisation():
    """How often each picture is shown: folders as [repeats, pictures, is_reg]."""
    out = []
    for folders in [
        [[10, 2, False], [1, 3, True]], [[1, 5, False], [1, 3, True], [2, 2, True]], [[1, 2, False], [1, 5, True]],
        [[2, 3, False], [4, 3, True]], [[3, 4, False]], [[1, 7, False], [3, 1, True], [2, 1, True]],
    ]:
        with tempfile.TemporaryDirectory() as root:
            subsets = []
            for index, (repeats, count, is_reg) in enumerate(folders):
                folder = Path(root, f"{index}")
                folder.mkdir()
                for picture in range(count):
                    Image.new("RGB", (64, 64)).save(folder / f"{picture}.png")
                subsets.append(TRAIN_UTIL["DreamBoothSubset"](
                    image_dir=str(folder), is_reg=is_reg, class_tokens="x", caption_extension=".txt", cache_info=False,
                    **{k: v for k, v in vars(subset()).items() if k not in ("image_dir", "img_count", "num_repeats")},
                    num_repeats=repeats))
            dataset = TRAIN_UTIL["DreamBoothDataset"](
                subsets, True, 1, (64, 64), 1.0, False, 64, 64, 64, False, 1.0, False, 0.0, None, None)
            shown = {os.path.relpath(path, root): info.num_repeats for path, info in dataset.image_data.items()}
            out.append({"folders": folders, "shown": shown})
    return out


# --- colours ---------------------------------------------------------------------------------------------------------

def colours():
    """AugHelper's hue shift at given shifts. It takes red for blue, which turns the sign of the shift round."""
    y, x = np.mgrid[0:8, 0:12]
    picture = np.stack([255 * x / 11, 255 * y / 7, 127 + 120 * np.sin(x / 2 + y / 3)], -1).round().astype(np.uint8)
    out = []
    for shift in (-8.0, -3.5, 2.0, 8.0):
        class Fixed:
            random = staticmethod(iter([0.0, 1.0]).__next__)
            uniform = staticmethod(lambda low, high: shift)
        TRAIN_UTIL["random"] = Fixed
        image = TRAIN_UTIL["AugHelper"]().color_aug(picture.copy())["image"]
        TRAIN_UTIL["random"] = random
        out.append({"shift": -shift, "rgb": image.flatten().tolist()})
    exact = []
    for degrees in (-16.0, 5.0, 16.0):
        turned = []
        for r, g, b in picture.reshape(-1, 3) / 255:
            h, s, v = colorsys.rgb_to_hsv(r, g, b)
            turned += [round(255 * c, 2) for c in colorsys.hsv_to_rgb((h + degrees / 360) % 1, s, v)]
        exact.append({"degrees": degrees, "rgb": turned})
    return {"width": 12, "height": 8, "rgb": picture.flatten().tolist(), "shifted": out, "exact": exact}


# --- masks -----------------------------------------------------------------------------------------------------------

def masks():
    """apply_masked_loss of an alpha mask and of a conditioning picture, with losses of 1: the shares themselves."""
    space = load("library/custom_train_functions.py", {"apply_masked_loss"}, {"torch": torch})
    y, x = np.mgrid[0:32, 0:48]
    alpha = (127.5 + 127.5 * np.sin(x / 7 + y / 11)).round().astype(np.uint8)
    loss = torch.ones(1, 4, 4, 6)
    share = torch.from_numpy(alpha.astype(np.float32) / 255)
    by_alpha = space["apply_masked_loss"](loss, {"alpha_masks": share[None]})[0, 0]
    by_picture = space["apply_masked_loss"](loss, {"conditioning_images": (share * 2 - 1)[None, None].expand(1, 3, -1, -1)})[0, 0]
    uneven = torch.nn.functional.interpolate(share[None, None], size=(5, 7), mode="area")[0, 0]
    return {"width": 48, "height": 32, "levels": alpha.flatten().tolist(),
            **{name: [round(v, 6) for v in value.flatten().tolist()]
               for name, value in [("alpha", by_alpha), ("picture", by_picture), ("uneven", uneven)]}}


def main():
    for name, made in [("buckets", buckets), ("captions", captions), ("dataset-files", configs),
                       ("regularisation", regularisation), ("colours", colours), ("masks", masks)]:
        path = DATA / f"kohya-{name}.json"
        path.write_text(json.dumps(made(), separators=(",", ":"), ensure_ascii=False) + "\n")
        print(path, path.stat().st_size)


main()
