"""Outputs of diffusers and transformers models with hashed weights (see hashed_weights.py), and LoRA gradients by PEFT.

    python tools/goldens/models.py          small configurations of every family -> test/golden/data/models.json
    python tools/goldens/models.py sd15     the full-size SD 1.5 UNet            -> test/golden/data/sd15.json

Large results are stored as a few hundred samples plus their norm, which pins them to 1e-6 or so."""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from hashed_weights import fill, hashed, uniform
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
torch.set_grad_enabled(False)


def given(name, shape):
    """A test input: uniform with unit variance."""
    n = int(np.prod(shape))
    return torch.from_numpy((uniform(name, n) * np.sqrt(12)).astype(np.float32).reshape(shape))


def digest(x, count=256):
    """Evenly spread samples, and the norm of the whole."""
    flat = x.detach().double().flatten()
    step = max(1, flat.numel() // count)
    return {"shape": list(x.shape), "step": step, "samples": [float(f"{v:.8g}") for v in flat[::step]], "norm": float(f"{flat.norm():.9g}")}


UNETS = {
    "sd15": dict(block_out_channels=(32, 64, 64), down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
                 up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=2,
                 cross_attention_dim=48, attention_head_dim=4, norm_num_groups=16),
    "sd2": dict(block_out_channels=(32, 64), down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
                up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), layers_per_block=2, cross_attention_dim=48,
                attention_head_dim=(2, 4), use_linear_projection=True, norm_num_groups=16),
    "sdxl": dict(block_out_channels=(32, 64), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                 up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), layers_per_block=2, cross_attention_dim=48,
                 attention_head_dim=(2, 4), use_linear_projection=True, transformer_layers_per_block=(1, 2), norm_num_groups=16,
                 addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=40 + 6 * 8),
}


def shapes_of(module):
    return {name: list(parameter.shape) for name, parameter in module.named_parameters()}


def lora_gradients(unet, targets, rank, run, target):
    """Gradients of the mean squared error by every A and B, as a dict of digests."""
    from peft import LoraConfig

    unet.requires_grad_(False)
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank // 2, target_modules=targets))
    names = [n for n, _ in unet.named_parameters() if "lora_" in n]
    for n, p in unet.named_parameters():
        if "lora_" in n:
            p.requires_grad_(True)
            p.data.copy_(torch.from_numpy(hashed(n, p.shape)))
    with torch.enable_grad():
        loss = torch.nn.functional.mse_loss(run(unet), target)
        loss.backward()
    parameters = dict(unet.named_parameters())
    return float(loss), {n: digest(parameters[n].grad, 4) for n in names}


LINEAR = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]
CONV = ["conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj"]


def small():
    out = {}
    for family, config in UNETS.items():
        unet = UNet2DConditionModel(sample_size=8, **config).eval()
        fill(unet)
        shapes = shapes_of(unet)
        cases = []
        for batch, side, t in [(1, 16, 0), (2, 8, 423), (3, 12, 999)]:
            x, context = given("x", (batch, 4, side, side)), given("context", (batch, 7, 48))
            added = {"text_embeds": given("pooled", (batch, 40)), "time_ids": given("sizes", (batch, 6)).abs() * 500} if family == "sdxl" else None
            y = unet(x, torch.full((batch,), t), context, added_cond_kwargs=added).sample
            cases.append({"batch": batch, "side": side, "t": t, "y": digest(y)})
        x, context = given("x", (2, 4, 8, 8)), given("context", (2, 7, 48))
        added = {"text_embeds": given("pooled", (2, 40)), "time_ids": given("sizes", (2, 6)).abs() * 500} if family == "sdxl" else None
        run = lambda u: u(x, torch.tensor([17, 801]), context, added_cond_kwargs=added).sample
        loss, grads = lora_gradients(unet, LINEAR + CONV, 4, run, given("target", (2, 4, 8, 8)))
        out[f"unet_{family}"] = {"config": {k: v for k, v in dict(unet.config).items() if not k.startswith("_") and k != "use_default_values"},
                                 "shapes": shapes, "cases": cases, "loss": loss, "gradients": grads}
    vae = AutoencoderKL(down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3, block_out_channels=(16, 32, 32),
                        layers_per_block=1, latent_channels=4, norm_num_groups=8).eval()
    fill(vae)
    moments = vae.encode(given("picture", (2, 3, 32, 24)).clamp(-1, 1)).latent_dist
    out["vae"] = {"config": dict(vae.config), "shapes": shapes_of(vae), "mean": digest(moments.mean), "logVariance": digest(moments.logvar),
                  "decoded": digest(vae.decode(given("latent", (2, 4, 8, 6))).sample)}
    for name, act, projection in [("clip", "quick_gelu", False), ("openclip", "gelu", True)]:
        config = CLIPTextConfig(vocab_size=100, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, hidden_act=act,
                                max_position_embeddings=16, projection_dim=40, bos_token_id=98, eos_token_id=99, pad_token_id=99, attn_implementation="eager")
        clip = (CLIPTextModelWithProjection if projection else CLIPTextModel)(config).eval()
        fill(clip)
        ids = torch.tensor([[98, 5, 17, 3, 99, 99, 99, 99], [98, 1, 2, 3, 4, 5, 6, 99]])
        result = clip(ids, output_hidden_states=True)
        last = result.last_hidden_state
        out[name] = {"config": {"hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "hidden_act": act, "max_position_embeddings": 16, "eos_token_id": 99},
                     "ids": ids.tolist(), "ends": [4, 15], "last": digest(last), "penultimate": digest(result.hidden_states[-2]), "shapes": shapes_of(clip),
                     **({"pooled": digest(result.text_embeds)} if projection else {})}
    (DATA / "models.json").write_text(json.dumps(out, default=str) + "\n")


def sd15():
    """The real shapes: 859.5 M parameters, 64x64 latents, 384 LoRA tensors of rank 16."""
    torch.set_num_threads(2)
    unet = UNet2DConditionModel(sample_size=64, in_channels=4, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2,
                                cross_attention_dim=768, attention_head_dim=8).eval()
    fill(unet)
    shapes = shapes_of(unet)
    x, context = given("x", (1, 4, 64, 64)), given("context", (1, 77, 768))
    y = unet(x, torch.tensor([423]), context).sample
    loss, grads = lora_gradients(unet, LINEAR, 16, lambda u: u(x, torch.tensor([423]), context).sample, given("target", (1, 4, 64, 64)))
    out = {"config": {k: v for k, v in dict(unet.config).items() if not k.startswith("_")}, "shapes": shapes, "y": digest(y, 1024), "loss": loss, "gradients": grads}
    (DATA / "sd15.json").write_text(json.dumps(out, default=str) + "\n")


if __name__ == "__main__":
    sd15() if "sd15" in sys.argv else small()
