"""What Forge, Pillow, OpenCV and PyTorch make of given pictures and masks -> test/golden/data/given-pictures.json

    python tools/goldens/given_pictures.py <clone of lllyasviel/stable-diffusion-webui-forge>

Its own functions are taken out of modules/ and run as they stand, models left out; made from dfdcbab6 (2025-06-26) with Pillow 9.5.0, which it
and A1111 pin (Pillow 13 scales columns before rows where that is faster, and rounds otherwise). Pictures are kept as sha256 of their bytes:
equal or not."""
import __future__
import ast
import hashlib
import json
import logging
import math
import random
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import cv2
import numpy as np
import torch
from PIL import Image, ImageFilter, ImageOps

ROOT = Path(__file__).parents[2]
FORGE = Path(sys.argv[1])
LANCZOS = Image.Resampling.LANCZOS
SCALE = 8
torch.set_num_threads(1)
assert Image.__version__ == "9.5.0"


def load(path, names, space, inside=None):
    """Functions of a file, or of a class in it, without the rest."""
    body = ast.parse((FORGE / path).read_text()).body
    if inside:
        body = next(node for node in body if isinstance(node, ast.ClassDef) and node.name == inside).body
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            exec(compile(ast.Module([node], []), path, "exec", flags=__future__.annotations.compiler_flag), space)
    return space


opts = SimpleNamespace(upscaler_for_img2img=None, img2img_background_color="#ffffff", save_init_img=False, img2img_color_correction=False,
                       sd_vae_encode_method="Full", use_old_hires_fix_width_height=False)
masking = SimpleNamespace(**load("modules/masking.py", {"get_crop_region_v2", "expand_crop_region", "fill"},
                                 {"Image": Image, "ImageFilter": ImageFilter, "ImageOps": ImageOps}))
images = SimpleNamespace(**load("modules/images.py", {"resize_image", "flatten"}, {"Image": Image, "LANCZOS": LANCZOS, "opts": opts}))
space = dict(Image=Image, ImageOps=ImageOps, np=np, cv2=cv2, torch=torch, images=images, masking=masking, opts=opts, opt_f=SCALE, hashlib=hashlib, logging=logging,
             sd_samplers=MagicMock(), shared=SimpleNamespace(device="cpu"), devices=SimpleNamespace(dtype=torch.float32, torch_gc=lambda: None),
             approximation_indexes={})
load("modules/processing.py", {"create_binary_mask", "uncrop", "apply_overlay"}, space)


def digest(image):
    return hashlib.sha256(image.tobytes() if isinstance(image, Image.Image) else np.ascontiguousarray(image).tobytes()).hexdigest()[:16]


def picture(name, box):
    return Image.open(ROOT / "examples" / f"{name}.png").convert("RGB").crop(box)


def ellipse(width, height, cx, cy, rx, ry):
    y, x = np.mgrid[:height, :width]
    inside = (x - cx) ** 2 * ry**2 + (y - cy) ** 2 * rx**2 <= rx**2 * ry**2
    return Image.fromarray(np.where(inside, 255, 0).astype(np.uint8))


ZORBI = ["zorbi-character/01", [0, 0, 256, 256]]
WIDE = ["zorbi-character/02", [10, 40, 213, 171]]
TALL = ["blueprint-style/03", [3, 0, 100, 256]]
TINY = ["blueprint-style/01", [100, 100, 105, 103]]
FILTERS = {"lanczos": LANCZOS, "bicubic": Image.Resampling.BICUBIC, "nearest": Image.Resampling.NEAREST}


def resamples():
    for source in (ZORBI, WIDE, TALL, TINY):
        for size in ([64, 64], [512, 256], [97, 203], [8, 300], [1, 1]):
            for name, filter in FILTERS.items():
                yield {"source": source, "size": size, "filter": name, "bytes": digest(picture(*source).resize(size, filter))}


def fits():
    for source in (ZORBI, WIDE, TALL, TINY):
        for size in ([64, 64], [512, 256], [72, 200], [264, 248]):
            for number, mode in enumerate(["stretch", "crop", "fill"]):
                yield {"source": source, "size": size, "mode": mode, "bytes": digest(images.resize_image(number, picture(*source), *size))}


def blurs():
    for oval in ([120, 90, 40, 50, 25, 31], [64, 64, 3, 60, 9, 9], [7, 4, 2, 2, 1, 1], [33, 1, 16, 0, 5, 1]):
        for sigma in (0.1, 0.3, 1, 2, 2.5, 4, 7, 16, 64):
            blurred = np.array(ellipse(*oval))
            size = 2 * int(2.5 * sigma + 0.5) + 1
            blurred = cv2.GaussianBlur(cv2.GaussianBlur(blurred, (size, 1), sigma), (1, size), sigma)
            yield {"ellipse": oval, "sigma": sigma, "bytes": digest(blurred)}


def regions(count=400):
    draw = random.Random(7)
    for _ in range(count):
        width, height = draw.randint(1, 300), draw.randint(1, 300)
        mask = np.zeros((height, width), np.uint8)
        left, top = draw.randrange(width), draw.randrange(height)
        right, bottom = draw.randint(left + 1, width), draw.randint(top + 1, height)
        mask[top:bottom, left:right] = draw.randint(1, 255)
        padding = draw.choice([0, 1, 32, 200])
        target = [8 * draw.randint(1, 128), 8 * draw.randint(1, 128)]
        region = masking.expand_crop_region(masking.get_crop_region_v2(mask, padding), *target, width, height)
        yield {"size": [width, height], "rectangle": [left, top, right, bottom], "padding": padding, "target": target, "region": region}


def fills():
    for source, oval, sigma in ((ZORBI, [256, 256, 120, 110, 60, 50], 4), (WIDE, [203, 131, 0, 131, 90, 70], 0), (TALL, [97, 256, 48, 128, 90, 140], 16),
                                (TINY, [5, 3, 2, 1, 1, 1], 0)):
        mask = ellipse(*oval)
        if sigma:
            size = 2 * int(2.5 * sigma + 0.5) + 1
            mask = Image.fromarray(cv2.GaussianBlur(cv2.GaussianBlur(np.array(mask), (size, 1), sigma), (1, size), sigma))
        yield {"source": source, "ellipse": oval, "sigma": sigma, "bytes": digest(masking.fill(picture(*source), mask))}


CONTENTS = ["fill", "original", "latent-noise", "latent-nothing"]
RESIZES = ["stretch", "crop", "fill"]


def inpaint(source, oval, blur, invert, content, area, padding, size, resize):
    seen = {}

    def encode(pixels, *_):
        seen["pixels"] = pixels
        return torch.from_numpy(LATENTS[:, :, : size[1] // SCALE, : size[0] // SCALE].copy())

    me = SimpleNamespace(
        extra_generation_params={}, denoising_strength=0.75, sampler_name="", sd_model=MagicMock(), image_mask=ellipse(*oval), mask_round=True,
        inpainting_mask_invert=int(invert), mask_blur_x=blur, mask_blur_y=blur, mask_blur=blur, inpaint_full_res=area == "masked",
        inpaint_full_res_padding=padding, width=size[0], height=size[1], resize_mode=RESIZES.index(resize), latent_mask=None, scripts=None,
        color_corrections=None, init_images=[picture(*source)], inpainting_fill=CONTENTS.index(content), batch_size=1, paste_to=None,
        img2img_image_conditioning=lambda image, latent, mask, round: seen.update(mask=torch.round(torch.from_numpy(np.array(mask.convert("L")).astype(np.float32)) / 255)))
    space.update(images_tensor_to_samples=encode, create_random_tensors=lambda shape, seeds: torch.from_numpy(NOISE[:, :, : shape[1], : shape[2]].copy()))
    load("modules/processing.py", {"init"}, space, "StableDiffusionProcessingImg2Img")
    space["init"](me, [], [1], [])
    result, _ = space["apply_overlay"](picture(*ZORBI).resize(size, Image.Resampling.NEAREST), me.paste_to, me.overlay_images[0])
    pixels = (seen["pixels"][0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    return {
        "source": source, "ellipse": oval, "blur": blur, "invert": invert, "content": content, "area": area, "padding": padding, "size": size, "resize": resize,
        "pixels": digest(pixels), "mask": digest(seen["mask"].numpy().astype(np.uint8)), "latentMask": digest(me.nmask[0].numpy().astype(np.uint8)),
        "latents": digest(me.init_latent.numpy()), "finished": digest(result), "finishedSize": result.size}


COUNT = 4 * 32 * 32
LATENTS = ((np.arange(COUNT) * 37 % 101) / 32 - 1.5).astype(np.float32).reshape(1, 4, 32, 32)
NOISE = ((np.arange(COUNT) * 53 % 97) / 32 - 1.5).astype(np.float32).reshape(1, 4, 32, 32)


def inpaints():
    for content in CONTENTS:
        yield inpaint(ZORBI, [256, 256, 128, 100, 50, 40], 4, False, content, "whole", 32, [256, 256], "stretch")
    for resize in RESIZES:
        yield inpaint(WIDE, [203, 131, 60, 60, 30, 40], 2, False, "fill", "whole", 32, [128, 192], resize)
        yield inpaint(TALL, [97, 256, 60, 60, 30, 40], 9, True, "original", "whole", 32, [128, 128], resize)
    for padding in (0, 32):
        yield inpaint(ZORBI, [256, 256, 170, 90, 30, 22], 4, False, "fill", "masked", padding, [128, 192], "stretch")
        yield inpaint(WIDE, [203, 131, 0, 131, 50, 90], 8, False, "original", "masked", padding, [256, 128], "crop")
    yield inpaint(TALL, [97, 256, 48, 128, 40, 120], 0, True, "latent-noise", "masked", 16, [128, 128], "fill")


MODES = {"bilinear": ("bilinear", False), "bilinear-antialiased": ("bilinear", True), "bicubic": ("bicubic", False), "bicubic-antialiased": ("bicubic", True),
         "nearest": ("nearest", False), "nearest-exact": ("nearest-exact", False)}


def interpolations():
    x = torch.from_numpy(LATENTS[:, :2, :5, :7].copy())
    for name, (mode, antialias) in MODES.items():
        for height, width in ((10, 14), (8, 11), (3, 4), (1, 30)):
            out = torch.nn.functional.interpolate(x, size=(height, width), mode=mode, antialias=antialias)
            yield {"how": name, "size": [width, height], "values": [float(f"{v:.8g}") for v in out.flatten().tolist()]}


def nearest_rows():
    """Which row each row comes from, for sizes where single precision decides."""
    for mode in ("nearest", "nearest-exact"):
        for side, count in ((64, 97), (83, 127), (96, 250), (128, 177), (51, 153)):
            rows = torch.arange(side, dtype=torch.float32).reshape(1, 1, side, 1)
            yield {"how": mode, "side": side, "rows": torch.nn.functional.interpolate(rows, size=(count, 1), mode=mode).flatten().int().tolist()}


def hires(count=200):
    load("modules/processing.py", {"calculate_target_resolution"}, space, "StableDiffusionProcessingTxt2Img")
    draw = random.Random(3)
    for number in range(count):
        me = SimpleNamespace(width=8 * draw.randint(24, 96), height=8 * draw.randint(24, 96), extra_generation_params={}, hr_resize_x=0, hr_resize_y=0,
                             hr_scale=draw.choice([1, 1.05, 1.3, 1.5, 2, 2.35, 4]), truncate_x=0, truncate_y=0)
        if number % 4 & 1:
            me.hr_resize_x = 8 * draw.randint(96, 200)
        if number % 4 & 2:
            me.hr_resize_y = 8 * draw.randint(96, 200)
        space["calculate_target_resolution"](me)
        up = [me.hr_upscale_to_x // SCALE, me.hr_upscale_to_y // SCALE]
        cut = [me.truncate_x, me.truncate_y]
        asked = {"toWidth": me.hr_resize_x} | {"toHeight": me.hr_resize_y} if number % 4 else {"scale": me.hr_scale}
        yield {"width": me.width, "height": me.height, **{k: v for k, v in asked.items() if v}, "enlarged": [SCALE * n for n in up],
               "start": [SCALE * (n // 2) for n in cut], "size": [SCALE * (n - t) for n, t in zip(up, cut)]}


def see_through():
    """A picture of 40×25 with colours and alpha by formula, on white, and its luminance."""
    n = np.arange(40 * 25 * 4)
    image = Image.fromarray(((n * 37 + n // 32 * 11) & 255).astype(np.uint8).reshape(25, 40, 4), "RGBA")
    flat = images.flatten(image, "#ffffff")
    return {"width": 40, "height": 25, "bytes": digest(flat), "luminance": digest(flat.convert("L"))}


data = {"resamples": list(resamples()), "fits": list(fits()), "blurs": list(blurs()), "regions": list(regions()), "fills": list(fills()),
        "inpaints": list(inpaints()), "interpolations": list(interpolations()), "nearestRows": list(nearest_rows()), "hires": list(hires()),
        "seeThrough": see_through(), "versions": {"pillow": Image.__version__, "opencv": cv2.__version__, "torch": torch.__version__.split("+")[0]}}
path = ROOT / "test/golden/data/given-pictures.json"
path.write_text("{\n" + ",\n".join(
    f'"{key}": ' + ("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in value) + "\n]" if isinstance(value, list) else json.dumps(value))
    for key, value in data.items()) + "\n}\n")
print(path.stat().st_size, "bytes")
