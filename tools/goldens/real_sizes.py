"""Text encoders, UNets and autoencoders at their real sizes, with hashed weights (see hashed_weights.py), in float32.

    python tools/goldens/real_sizes.py text | sd15 | sd2 | sdxl | vae      -> test/golden/data/real_<name>.json

Models are made without memory first, so that only one copy of their weights ever exists; SDXL takes 12 GB."""
import json
import sys

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from hashed_weights import hashed
from models import DATA, digest, given
from peft import LoraConfig
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

torch.set_num_threads(2)
ROOT = DATA.parents[2]
SIZES = [(40, 24), (33, 25)]  # latents: one that halves to 5x3, one that is odd at every level
TIMESTEPS = [0, 423, 999]
SAMPLES = 96


def allocate(make, half=False):
    """A model with hashed weights and no second copy of them; `half`: rounded to float16 first, as files of it are."""
    with torch.device("meta"):
        model = make().eval()
    model.to_empty(device="cpu")
    for name, parameter in model.named_parameters():
        values = hashed(name, parameter.shape)
        parameter.data.copy_(torch.from_numpy(values.astype(np.float16) if half else values))
    model.requires_grad_(False)
    return model


def config_of(model):
    return {k: v for k, v in dict(model.config).items() if not k.startswith("_")}


UNETS = {
    "sd15": dict(sample_size=64, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, cross_attention_dim=768, attention_head_dim=8),
    "sd2": dict(sample_size=96, block_out_channels=(320, 640, 1280, 1280), layers_per_block=2, cross_attention_dim=1024,
                attention_head_dim=(5, 10, 20, 20), use_linear_projection=True),
    "sdxl": dict(sample_size=128, block_out_channels=(320, 640, 1280), down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
                 up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), layers_per_block=2, cross_attention_dim=2048,
                 attention_head_dim=(5, 10, 20), use_linear_projection=True, transformer_layers_per_block=(1, 2, 10),
                 addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816),
}


def added(family, batch):
    if family != "sdxl":
        return None
    return {"text_embeds": given("pooled", (batch, 1280)), "time_ids": given("sizes", (batch, 6)).abs() * 500}


def predictions(unet, family, channels, sizes, batches):
    """Every size with every batch at every timestep; pictures of one batch are at different timesteps."""
    cases = []
    for height, width in sizes:
        for batch in batches:
            x, context = given("x", (batch, channels, height, width)), given("context", (batch, 77, UNETS[family]["cross_attention_dim"]))
            for i, t in enumerate(TIMESTEPS):
                t = [TIMESTEPS[(i + j) % 3] for j in range(batch)]
                y = unet(x, torch.tensor(t), context, added_cond_kwargs=added(family, batch)).sample
                cases.append({"height": height, "width": width, "batch": batch, "t": t, "y": digest(y, SAMPLES)})
    return cases


def gradients(unet, family, targets, rank, prediction_type):
    """One training step as diffusers' scripts do it: noise of the schedule at one timestep, noise or velocity as target."""
    context, t = given("context", (1, 77, UNETS[family]["cross_attention_dim"])), torch.tensor([423])
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type=prediction_type)
    latent, noise = given("latent", (1, 4, 32, 32)), given("noise", (1, 4, 32, 32))
    noisy = scheduler.add_noise(latent, noise, t)
    target = noise if prediction_type == "epsilon" else scheduler.get_velocity(latent, noise, t)
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank // 2, target_modules=targets))
    unet.enable_gradient_checkpointing()
    unet.train()
    parameters = {n: p for n, p in unet.named_parameters() if "lora_" in n}
    for n, p in parameters.items():
        p.requires_grad_(True)
        p.data.copy_(torch.from_numpy(hashed(n, p.shape)))
    with torch.enable_grad():
        loss = torch.nn.functional.mse_loss(unet(noisy, t, context, added_cond_kwargs=added(family, 1)).sample, target)
        loss.backward()
    return {"t": 423, "rank": rank, "predictionType": prediction_type, "loss": float(loss), "gradients": {n: digest(p.grad, 4) for n, p in parameters.items()}}


ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
LINEAR = [*ATTENTION, "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]


def sd15():
    unet = allocate(lambda: UNet2DConditionModel(**UNETS["sd15"]))
    out = {"config": config_of(unet), "cases": predictions(unet, "sd15", 4, SIZES, [1, 2])}
    weight = unet.conv_in.weight
    unet.conv_in = torch.nn.Conv2d(9, 320, 3, padding=1)
    unet.conv_in.weight.data.copy_(torch.from_numpy(hashed("conv_in.weight", (320, 9, 3, 3))))
    unet.conv_in.bias.data.copy_(torch.from_numpy(hashed("conv_in.bias", (320,))))
    assert unet.conv_in.weight.shape[1] != weight.shape[1]
    return {**out, "inpainting": predictions(unet, "sd15", 9, SIZES, [1])}


def sd2():
    unet = allocate(lambda: UNet2DConditionModel(**UNETS["sd2"]))
    return {"config": config_of(unet), "cases": predictions(unet, "sd2", 4, SIZES, [1, 2]), "training": gradients(unet, "sd2", LINEAR, 16, "v_prediction")}


def sdxl():
    unet = allocate(lambda: UNet2DConditionModel(**UNETS["sdxl"]), half=True)
    return {"config": config_of(unet), "cases": predictions(unet, "sdxl", 4, [(24, 16), (33, 25)], [1, 2]),
            "training": gradients(unet, "sdxl", ATTENTION, 8, "epsilon")}


def vae():
    model = allocate(lambda: AutoencoderKL(down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
                                           block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512))
    cases = []
    for height, width in SIZES:
        moments = model.encode(given("picture", (1, 3, 8 * height, 8 * width)).clamp(-1, 1)).latent_dist
        cases.append({"height": height, "width": width, "mean": digest(moments.mean, SAMPLES), "logVariance": digest(moments.logvar, SAMPLES),
                      "decoded": digest(model.decode(given("latent", (1, 4, height, width))).sample, 4 * SAMPLES)})
    return {"config": config_of(model), "cases": cases}


TEXT_ENCODERS = {
    "clipL": dict(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12, hidden_act="quick_gelu"),
    "openClipH": dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=23, num_attention_heads=16, hidden_act="gelu"),
    "openClipBigG": dict(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20, hidden_act="gelu", projection_dim=1280),
}
WORDS = "a green frog sits at night on a red house in the snow, waving to seven small birds; "
TEXTS = ["", "A zorbi, waving; in the snow!", WORDS * 3, WORDS * 7]


def in_chunks(ids, start, end, pad, length=75):
    """Ids of a text of any length as rows of `length`, each with a start and an end."""
    rows = [ids[i:i + length] for i in range(0, max(1, len(ids)), length)]
    return [[start, *row, end, *[pad] * (length - len(row))] for row in rows]


def text():
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "pretrained" / "pocket" / "tokenizer", model_max_length=77)
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    out = {"texts": TEXTS}
    for name, config in TEXT_ENCODERS.items():
        pools = "projection_dim" in config
        config = CLIPTextConfig(vocab_size=49408, max_position_embeddings=77, bos_token_id=start, eos_token_id=2, pad_token_id=1, attn_implementation="eager", **config)
        model = allocate(lambda: (CLIPTextModelWithProjection if pools else CLIPTextModel)(config))
        for module in model.modules():
            if hasattr(module, "position_ids"):
                module.position_ids = torch.arange(77).expand(1, -1)
        pad = tokenizer.convert_tokens_to_ids("!") if name != "clipL" else end
        cases = []
        for prompt in TEXTS:
            ids = tokenizer(prompt, add_special_tokens=False, verbose=False).input_ids
            results = [model(torch.tensor([row]), output_hidden_states=True) for row in in_chunks(ids, start, end, pad)]
            join = lambda states: digest(torch.cat(states, dim=1), SAMPLES)
            cases.append({"tokens": 77 * len(results), "last": join([r.last_hidden_state for r in results]),
                          "penultimate": join([r.hidden_states[-2] for r in results]),
                          **({"pooled": digest(results[0].text_embeds, SAMPLES)} if pools else {})})
        keys = ["hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "vocab_size", "max_position_embeddings", "eos_token_id", "projection_dim"]
        out[name] = {"config": {k: getattr(config, k) for k in keys}, "cases": cases}
        del model
    return out


if __name__ == "__main__":
    for name in sys.argv[1:]:
        (DATA / f"real_{name}.json").write_text(json.dumps({"sd15": sd15, "sd2": sd2, "sdxl": sdxl, "vae": vae, "text": text}[name](), default=str) + "\n")
