"""The same work in PyTorch + diffusers + PEFT, for `lora bench --peer`. Prints one JSON line.

    python bench/peer.py <pocket|sd15> <train|forward> <latent side> <batch> <repeats> <float32|bfloat16> <weights folder or ->
"""
import json
import os
import resource
import sys
import time

import torch

model, work, side, batch, repeats, precision, weights = sys.argv[1:]
side, batch, repeats = int(side), int(batch), int(repeats)
torch.set_num_threads(os.cpu_count())
torch.manual_seed(0)
from diffusers import UNet2DConditionModel

if model == "pocket":
    unet, tokens = UNet2DConditionModel.from_pretrained(weights), 32
else:
    unet, tokens = UNet2DConditionModel(block_out_channels=(320, 640, 1280, 1280), cross_attention_dim=768, attention_head_dim=8), 77
unet.float().requires_grad_(False)
parameters = []
if work == "train":
    from peft import LoraConfig

    targets = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]
    unet.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=targets))
    parameters = [p for p in unet.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True)
channels = unet.config.in_channels
x, target = torch.randn(batch, channels, side, side), torch.randn(batch, channels, side, side)
context, t = torch.randn(batch, tokens, unet.config.cross_attention_dim), torch.tensor([423])


def step():
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        y = unet(x, t, context).sample
    if work == "train":
        optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.mse_loss(y.float(), target).backward()
        optimizer.step()


seconds = []
with torch.set_grad_enabled(work == "train"):
    for _ in range(repeats):
        started = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - started)
print(json.dumps({"seconds": seconds, "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
