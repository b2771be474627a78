"""A UNet of diffusers: a whole LoRA training step with PEFT (loss, gradients, AdamW), or a forward pass."""
import os

import torch
from diffusers import UNet2DConditionModel

from .measuring import timed

CONFIGS = {
    "sd15": dict(
        block_out_channels=(320, 640, 1280, 1280),
        cross_attention_dim=768,
        attention_head_dim=8,
    ),
    "sdxl": dict(
        block_out_channels=(320, 640, 1280),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 2, 10),
        attention_head_dim=(5, 10, 20),
        cross_attention_dim=2048,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256,
        projection_class_embeddings_input_dim=2816,
    ),
}
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]


def made_at_random(build, dtype):
    """A module whose weights are uniform numbers of a trained layer's size, made in the type that they keep."""
    with torch.device("meta"):
        module = build()
    module = module.to(dtype).to_empty(device="cpu")
    with torch.no_grad():
        for parameter in module.parameters():
            bound = 1 / parameter[0].numel() ** 0.5 if parameter.dim() > 1 else 0.1
            parameter.uniform_(-bound, bound)
    return module


def open_unet(model, precision, folder):
    dtype = torch.bfloat16 if precision == "bfloat16 weights" else torch.float32
    if model == "pocket":
        return UNet2DConditionModel.from_pretrained(folder, subfolder="unet").to(dtype)
    return made_at_random(lambda: UNet2DConditionModel(**CONFIGS[model]), dtype)


def add_lora(unet):
    """Rank 16; A and B stay float32, since AdamW's small updates would be rounded away."""
    from peft import LoraConfig

    unet.add_adapter(LoraConfig(r=16, lora_alpha=16, target_modules=TARGETS))
    parameters = [p for p in unet.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.data = parameter.data.float()
    return parameters


def run(work, model, side, batch, tokens, repeats, precision, folder=None, checkpointing=False, **_):
    torch.set_num_threads(os.cpu_count())
    torch.manual_seed(0)
    trains = work == "train"
    unet = open_unet(model, precision, folder).requires_grad_(False)
    parameters = add_lora(unet) if trains else []
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, fused=True) if trains else None
    if checkpointing:
        unet.enable_gradient_checkpointing()
        unet.train()
    config = unet.config
    dtype = unet.conv_in.weight.dtype
    x = torch.randn(batch, config.in_channels, side, side, dtype=dtype)
    context = torch.randn(batch, tokens, config.cross_attention_dim, dtype=dtype)
    target, t = torch.randn(batch, config.in_channels, side, side), torch.tensor([423])
    added = {"text_embeds": torch.randn(batch, 1280, dtype=dtype), "time_ids": torch.randn(batch, 6, dtype=dtype)}
    # Weights in bfloat16 need no autocast but for A and B.
    casts = precision == "bfloat16" or (trains and precision == "bfloat16 weights")

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=casts):
            y = unet(x, t, context, added_cond_kwargs=added).sample
        if trains:
            optimizer.zero_grad(set_to_none=True)
            torch.nn.functional.mse_loss(y.float(), target).backward()
            optimizer.step()

    with torch.set_grad_enabled(trains):
        return timed(step, repeats)
