"""The latents that Diffusers draws with a LoRA file, against those of tools/latents.ts with the same file.

    python tools/check_latents.py <base folder> <lora.safetensors | -> <latents.safetensors> [size] [steps]

Prints how many keys of the file Diffusers did not expect or missed (as it logs them), and the relative error.
"""
import logging
import sys

import torch
from diffusers import DDIMScheduler, DiffusionPipeline
from safetensors.torch import load_file

base, lora, latents = sys.argv[1:4]
size, steps = [int(x) for x in (sys.argv[4:6] + ["128", "3"][len(sys.argv[4:6]):])]
torch.set_grad_enabled(False)


class Complaints(logging.Handler):
    def __init__(self):
        super().__init__()
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


pipe = DiffusionPipeline.from_pretrained(base, torch_dtype=torch.float32, local_files_only=True, safety_checker=None)
pipe.scheduler = DDIMScheduler.from_config(pipe.scheduler.config)
pipe.set_progress_bar_config(disable=True)
heard = Complaints()
for name in ("diffusers", "peft"):
    logging.getLogger(name).addHandler(heard)
if lora != "-":
    pipe.load_lora_weights(lora)
    layers = {part: sum(n.endswith("lora_A.default_0.weight") for n, _ in getattr(pipe, part).named_parameters())
              for part in ("unet", "text_encoder", "text_encoder_2") if getattr(pipe, part, None) is not None}
    print("layers with a LoRA in Diffusers:", layers)
keys = [text for text in heard.texts if "unexpected" in text.lower() or "missing" in text.lower()]
print("complaints about keys:", len(keys), *keys[:3])
drawn = pipe("a photo of a cat", num_inference_steps=steps, guidance_scale=5.0, width=size, height=size,
             generator=torch.Generator().manual_seed(1), output_type="latent").images[0]
own = load_file(latents)["latent"]
error = float((own - drawn).norm() / drawn.norm())
print(f"relative error {error:.2e}")
assert error < 1e-3 and not keys
