"""Loads LoRA files written by `lora train` with diffusers, and compares the UNet with and without.

    python tools/goldens/load_lora.py <base folder> <lora.safetensors>

Prints one JSON object: what diffusers and PEFT made of the file, and how far the UNet's output moves. The side branch is
computed again here from the file's own bytes (safetensors, alpha/rank, W + up·down), and must give the same picture."""
import json
import sys

import torch
from diffusers import StableDiffusionPipeline
from safetensors import safe_open

torch.set_num_threads(1)
torch.set_grad_enabled(False)
base, path = sys.argv[1:]
pipe = StableDiffusionPipeline.from_pretrained(base, local_files_only=True, safety_checker=None, torch_dtype=torch.float32)
unet = pipe.unet
torch.manual_seed(1)
side = unet.config.sample_size
x, t = torch.randn(2, unet.config.in_channels, side, side), torch.tensor([300, 700])
context = torch.randn(2, pipe.tokenizer.model_max_length, unet.config.cross_attention_dim)
run = lambda: unet(x, t, context).sample

without = run()
pipe.load_lora_weights(path)
attached = run()
loaded = sorted({n.rsplit(".lora_A", 1)[0] for n, _ in unet.named_parameters() if ".lora_A." in n})
scales = sorted({m.scaling["default_0"] for m in unet.modules() if hasattr(m, "scaling") and "default_0" in getattr(m, "scaling", {})})
pipe.unload_lora_weights()
assert torch.equal(run(), without)

with safe_open(path, "pt") as file:
    keys = list(file.keys())
    layers = {("lora_unet_" + n.replace(".", "_")): m for n, m in unet.named_modules() if hasattr(m, "weight")}
    modules = sorted(k.removesuffix(".alpha") for k in keys if k.endswith(".alpha"))
    for name in modules:
        down, up, alpha = (file.get_tensor(f"{name}.{s}").float() for s in ("lora_down.weight", "lora_up.weight", "alpha"))
        weight, rank = layers[name].weight, down.shape[0]
        if down.ndim == 4 and down.shape[2] > 1:
            delta = torch.einsum("or,rikl->oikl", up[:, :, 0, 0], down)
        else:
            delta = (up.reshape(-1, rank) @ down.reshape(rank, -1)).reshape(weight.shape)
        weight += delta * (alpha / rank)
merged = run()
relative = lambda a, b: float((a - b).norm() / b.norm())
print(json.dumps({"tensors": len(keys), "modules": len(modules), "layersInDiffusers": len(loaded), "scales": scales,
                  "moved": relative(attached, without), "attachedAgainstMerged": relative(attached, merged)}, indent=1))
