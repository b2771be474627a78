"""diffusers' pipeline from process start to a picture with guidance: its steps and the memory of all, or its start alone."""
import os
import time

from .measuring import core_seconds, others_since, peak_bytes, since_start


class Begun(Exception):
    """The first step is about to begin."""


def run(folder, side, steps, figure, **_):
    import torch
    from diffusers import DDIMScheduler, StableDiffusionPipeline

    torch.set_num_threads(os.cpu_count())
    pipe = StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False, feature_extractor=None
    )
    pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    begun, seconds = [], []

    def begins(*_):
        if figure == "start":
            raise Begun
        begun.append(time.perf_counter())

    pipe.unet.register_forward_pre_hook(begins)
    pipe.unet.register_forward_hook(lambda *_: seconds.append(time.perf_counter() - begun[-1]))
    before = core_seconds()
    try:
        generator = torch.Generator().manual_seed(7)
        pipe(
            "a green frog at night",
            num_inference_steps=steps,
            guidance_scale=7.5,
            height=side,
            width=side,
            generator=generator,
        )
    except Begun:
        return since_start()
    return {"seconds": seconds, "peakBytes": peak_bytes(), "others": others_since(before)}
