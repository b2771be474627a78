"""Whole pictures of the pocket model by diffusers' pipelines -> test/golden/data/pipeline-pictures.json and .png

    python tools/goldens/pipeline_pictures.py

StableDiffusionPipeline, …Img2Img and …Inpaint from the folder pretrained/pocket, float32 on the processor, noise of torch's generator; schedulers
are made from the folder's own configuration. Two things are not as they come: img2img takes the mean of the autoencoder's distribution, not a
sample of it (`sample_mode="argmax"`), and inpainting is told of 4 channels, since it knows UNets of 4 and 9 only and means "not 9" by it.
Cases of `nine` are drawn by the small inpainting model of test/support/inpaint-base.ts: hashed weights around the pocket model's text encoder.
Pictures stand above each other in one PNG, in the order of the cases; img2img starts from one of them."""
import json
import sys
from pathlib import Path

sys.modules["torchvision"] = None  # not needed, and need not fit

import diffusers
import numpy as np
import torch
from diffusers.pipelines.stable_diffusion import pipeline_stable_diffusion_img2img, pipeline_stable_diffusion_inpaint
from hashed_weights import fill
from PIL import Image

ROOT = Path(__file__).parents[2]
DATA = ROOT / "test/golden/data"
assert diffusers.__version__ == "0.42.1", diffusers.__version__
torch.set_num_threads(1)
diffusers.utils.logging.set_verbosity_error()

for module in (pipeline_stable_diffusion_img2img, pipeline_stable_diffusion_inpaint):
    module.retrieve_latents = lambda encoded, generator=None, sample_mode="sample": encoded.latent_dist.mode()

base = diffusers.StableDiffusionPipeline.from_pretrained(ROOT / "pretrained/pocket", torch_dtype=torch.float32, safety_checker=None)
parts = dict(base.components)
type(base.text_encoder).text_model = property(lambda self: self)  # clip skip looks there for the last norm; transformers 5 has it one level up
folder_scheduler = base.scheduler


def hashed_part(part, changes):
    made = type(part).from_config({**part.config, **changes})
    fill(made)
    return made.eval()


nine = {**parts, "unet": hashed_part(base.unet, {"in_channels": 9, "out_channels": 4, "block_out_channels": [32, 64], "norm_num_groups": 16}),
        "vae": hashed_part(base.vae, {"latent_channels": 4, "block_out_channels": [8, 8, 16, 16], "norm_num_groups": 4})}

RED_CAR = {"prompt": "a red car on the beach", "negative": "snow", "seed": 3}
SNOWMAN = {"prompt": "a snowman in the snow, picture style", "negative": "", "seed": 4294967301}
TREE = {"prompt": "a green tree with a blue bird at night", "negative": "white background, heart", "seed": 11}
INIT = {"picture": "DPM++ 2M, many steps"}


def case(name, words, ours, scheduler, steps=12, guidance=4.5, options=None, **rest):
    """`ours` is what the sampler is called here; `options` are those of diffusers' scheduler."""
    return {"name": name, **words, "sampler": ours, "scheduler": scheduler, "steps": steps, "guidance": guidance, "options": options or {}, **rest}


CASES = [
    case("DDIM", RED_CAR, "DDIM", "DDIMScheduler", steps=10),
    case("DDIM, a number of steps that 1000 is no multiple of", RED_CAR, "DDIM", "DDIMScheduler", steps=12),
    case("DDIM, other words and seed, guidance 7", SNOWMAN, "DDIM", "DDIMScheduler", steps=20, guidance=7),
    case("DDIM with eta", TREE, "DDIM", "DDIMScheduler", steps=10, eta=0.6),
    case("DDIM, one step", RED_CAR, "DDIM", "DDIMScheduler", steps=1),
    case("DDIM, not square", TREE, "DDIM", "DDIMScheduler", steps=10, width=48, height=80),
    case("DPM++ 2M", RED_CAR, "DPM++ 2M", "DPMSolverMultistepScheduler"),
    case("DPM++ 2M, other words and seed, guidance 7", SNOWMAN, "DPM++ 2M", "DPMSolverMultistepScheduler", steps=20, guidance=7),
    case("DPM++ 2M, many steps", TREE, "DPM++ 2M", "DPMSolverMultistepScheduler", steps=30, guidance=7),
    case("DPM++ 2M Karras", RED_CAR, "DPM++ 2M Karras", "DPMSolverMultistepScheduler", options={"use_karras_sigmas": True}),
    case("DPM++ 2M Karras, other words and seed", SNOWMAN, "DPM++ 2M Karras", "DPMSolverMultistepScheduler", steps=20, options={"use_karras_sigmas": True}),
    case("Euler", RED_CAR, "Euler", "EulerDiscreteScheduler"),
    case("Euler Karras", TREE, "Euler Karras", "EulerDiscreteScheduler", options={"use_karras_sigmas": True}),
    case("Euler a", RED_CAR, "Euler a", "EulerAncestralDiscreteScheduler"),
    case("Heun", RED_CAR, "Heun", "HeunDiscreteScheduler", steps=8),
    case("UniPC", RED_CAR, "UniPC BH2", "UniPCMultistepScheduler"),
    case("LMS", RED_CAR, "LMS", "LMSDiscreteScheduler"),
    case("no guidance", RED_CAR, "DDIM", "DDIMScheduler", steps=10, guidance=1),
    case("clip skip 1, no guidance", RED_CAR, "DPM++ 2M", "DPMSolverMultistepScheduler", guidance=1, clip_skip=1),
    case("clip skip 1", RED_CAR, "DPM++ 2M", "DPMSolverMultistepScheduler", clip_skip=1),
    case("guidance rescale 0.7", RED_CAR, "DDIM", "DDIMScheduler", steps=10, guidance=7, guidance_rescale=0.7),
    case("a prompt that is too long", {**RED_CAR, "prompt": "a red car on the beach, " * 9 + "snow"}, "DDIM", "DDIMScheduler", steps=10),
    case("img2img DDIM 0.3", RED_CAR, "DDIM", "DDIMScheduler", steps=20, strength=0.3, **INIT),
    case("img2img DDIM 0.75", TREE, "DDIM", "DDIMScheduler", steps=20, strength=0.75, **INIT),
    case("img2img DDIM 1", TREE, "DDIM", "DDIMScheduler", steps=20, strength=1, **INIT),
    case("img2img DPM++ 2M 0.75", RED_CAR, "DPM++ 2M", "DPMSolverMultistepScheduler", strength=0.75, **INIT),
    case("img2img Euler a 0.75", RED_CAR, "Euler a", "EulerAncestralDiscreteScheduler", strength=0.75, **INIT),
    case("inpaint DDIM 0.75", RED_CAR, "DDIM", "DDIMScheduler", steps=20, strength=0.75, mask=[16, 8, 48, 56], **INIT),
    case("inpaint DDIM 1", TREE, "DDIM", "DDIMScheduler", steps=20, strength=1, mask=[16, 8, 48, 56], **INIT),
    case("inpaint DPM++ 2M 0.75", TREE, "DPM++ 2M", "DPMSolverMultistepScheduler", strength=0.75, mask=[0, 24, 64, 64], **INIT),
    case("inpainting model DDIM 0.75", RED_CAR, "DDIM", "DDIMScheduler", steps=20, strength=0.75, mask=[16, 8, 48, 56], nine=True, **INIT),
    case("inpainting model DPM++ 2M 1", TREE, "DPM++ 2M", "DPMSolverMultistepScheduler", strength=1, mask=[16, 8, 48, 56], nine=True, **INIT),
]


def pipeline(case):
    scheduler = getattr(diffusers, case["scheduler"]).from_config(folder_scheduler.config, **case["options"])
    kind = diffusers.StableDiffusionInpaintPipeline if "mask" in case else diffusers.StableDiffusionImg2ImgPipeline if "picture" in case else diffusers.StableDiffusionPipeline
    pipe = kind(**{**(nine if "nine" in case else parts), "scheduler": scheduler}, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    if "mask" in case and "nine" not in case:
        pipe.unet.register_to_config(in_channels=4)
    return pipe


def draw(case):
    given = {"prompt": case["prompt"], "negative_prompt": case["negative"], "num_inference_steps": case["steps"], "guidance_scale": case["guidance"],
             "generator": torch.Generator().manual_seed(case["seed"]), "clip_skip": case.get("clip_skip"), "eta": case.get("eta", 0.0)}
    if "picture" in case:
        given |= {"image": made[case["picture"]], "strength": case["strength"]}
    else:
        given |= {"width": case.get("width", 64), "height": case.get("height", 64), "guidance_rescale": case.get("guidance_rescale", 0.0)}
    if "mask" in case:
        left, top, right, bottom = case["mask"]
        mask = np.zeros((64, 64), np.uint8)
        mask[top:bottom, left:right] = 255
        given |= {"mask_image": Image.fromarray(mask), "width": 64, "height": 64}
    pipe = pipeline(case)
    picture = pipe(**given).images[0]
    parts["unet"].register_to_config(in_channels=parts["vae"].config.latent_channels)
    return picture


made = {}
for one in CASES:
    made[one["name"]] = draw(one)
pictures = list(made.values())
assert len(pictures) == len(CASES)
sheet = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)))
top = 0
for case, picture in zip(CASES, pictures):
    sheet.paste(picture, (0, top))
    case |= {"top": top, "width": picture.width, "height": picture.height}
    del case["options"], case["scheduler"]
    top += picture.height
sheet.save(DATA / "pipeline-pictures.png", optimize=True)
(DATA / "pipeline-pictures.json").write_text(json.dumps(CASES, indent=1) + "\n")
