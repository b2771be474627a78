"""diffusers + PEFT: a guided step of the UNet with LoRAs, in turn with one without; and the change to another LoRA file."""
import os
import time

from .measuring import core_seconds, others_since, peak_bytes


def clock(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def open_pipe(folder, loras):
    import torch
    from diffusers import StableDiffusionPipeline

    torch.set_num_threads(os.cpu_count())
    pipe = StableDiffusionPipeline.from_pretrained(
        folder, torch_dtype=torch.float32, safety_checker=None, requires_safety_checker=False, feature_extractor=None
    )
    for i, path in enumerate(loras):
        pipe.load_lora_weights(path, adapter_name=f"lora{i}")
    return pipe


def step_of(pipe):
    import torch

    sample, text = torch.randn(2, 4, 64, 64), torch.randn(2, 77, 768)

    def step():
        with torch.no_grad():
            pipe.unet(sample, torch.tensor(423), encoder_hidden_states=text)

    return step


def steps(folder, loras, form, repeats):
    """Steps with LoRAs and without, in turn."""
    pipe = open_pipe(folder, loras)
    names = [f"lora{i}" for i in range(len(loras))]
    pipe.set_adapters(names, [1.0 / len(names)] * len(names))
    step, unet = step_of(pipe), pipe.unet

    def use():
        unet.enable_adapters()
        if form == "merged":
            pipe.fuse_lora(components=["unet"])

    def leave():
        if form == "merged":
            pipe.unfuse_lora(components=["unet"])
        unet.disable_adapters()

    seconds, without = [], []
    unet.disable_adapters()
    for _ in range(repeats):
        without.append(clock(step))
        use()
        seconds.append(clock(step))
        leave()
    return {"seconds": seconds, "without": without}


def switches(folder, loras, repeats):
    """From file to the moment in which the next step can begin."""
    pipe = open_pipe(folder, loras[:1])
    last, seconds = "lora0", []
    for i in range(repeats):
        name = f"other{i}"

        def change():
            pipe.load_lora_weights(loras[(i + 1) % len(loras)], adapter_name=name)
            pipe.set_adapters([name])
            pipe.delete_adapters([last])

        seconds.append(clock(change))
        last = name
    return {"seconds": seconds}


def run(folder, loras, repeats, form=None, **_):
    before = core_seconds()
    times = steps(folder, loras, form, repeats) if form else switches(folder, loras, repeats)
    return {**times, "peakBytes": peak_bytes(), "others": others_since(before)}
