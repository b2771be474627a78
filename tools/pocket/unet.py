"""Trains the UNet and the text encoder on the icons' latents, from nothing.

Stable Diffusion's own settings: v-prediction, scaled-linear noise from 0.00085 to 0.012, min-SNR weights (5), one caption
in ten empty, an exponential moving average of the weights.
"""
import json
import random
import time

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

import captions
import vae
from optimizer import Both
from state import Average, load, save, wait_while_paused
from tokenizer import LENGTH, Tokenizer

BATCH = 64
RATES = {"muon_rate": 3e-3, "adam_rate": 1e-3, "by_adam": ("conv_in", "conv_out", "embedding")}
WARM_UP = 200
SAVE_EVERY = 250
CHANNELS = (128, 160)
WIDTH = 128
HEADS = 4
SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "timestep_spacing": "trailing",
}
tokenizer = Tokenizer(captions.WORDS)


class PlainAttention:
    """Attention as three products: on this size, training is 1.6 times as fast as with PyTorch's flash attention on CPU."""

    def __call__(self, attention, hidden, encoder_hidden_states=None, attention_mask=None, temb=None):
        context = hidden if encoder_hidden_states is None else encoder_hidden_states
        batch, length, _ = hidden.shape

        def heads(x):
            x = x.view(batch, -1, attention.heads, x.shape[-1] // attention.heads)
            return x.transpose(1, 2).reshape(batch * attention.heads, x.shape[1], x.shape[3])

        query = heads(attention.to_q(hidden) * attention.scale)
        key, value = heads(attention.to_k(context)), heads(attention.to_v(context))
        weights = torch.bmm(query, key.transpose(1, 2)).softmax(-1).to(value.dtype)
        out = torch.bmm(weights, value).view(batch, attention.heads, length, -1)
        return attention.to_out[0](out.transpose(1, 2).reshape(batch, length, -1))


def make_unet():
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=vae.LATENT_CHANNELS,
        out_channels=vae.LATENT_CHANNELS,
        block_out_channels=CHANNELS,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        layers_per_block=1,
        cross_attention_dim=WIDTH,
        attention_head_dim=HEADS,  # Stable Diffusion 1 names the number of heads so
        norm_num_groups=32,
    )
    unet.set_attn_processor(PlainAttention())
    return unet


def make_text_encoder():
    encoder = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer.vocabulary),
            hidden_size=WIDTH,
            intermediate_size=4 * WIDTH,
            num_hidden_layers=2,
            num_attention_heads=HEADS,
            max_position_embeddings=LENGTH,
            projection_dim=WIDTH,
            bos_token_id=tokenizer.start,
            eos_token_id=tokenizer.end,
            pad_token_id=tokenizer.end,
        )
    )
    encoder.set_attn_implementation("eager")
    return encoder


def tokens(texts):
    return torch.tensor([tokenizer(text) for text in texts])


@torch.no_grad()
def generate(unet, text_encoder, autoencoder, prompts, seed=7, guidance=4.0, steps=25):
    """Pictures as bytes (count, 64, 64, 3), by DDIM."""
    scheduler = DDIMScheduler(**SCHEDULE)
    scheduler.set_timesteps(steps)
    noise = torch.Generator().manual_seed(seed)
    latents = torch.randn(len(prompts), vae.LATENT_CHANNELS, 8, 8, generator=noise)
    words = torch.cat([text_encoder(tokens([""] * len(prompts)))[0], text_encoder(tokens(prompts))[0]])
    for t in scheduler.timesteps:
        empty, told = unet(torch.cat([latents, latents]), t, words).sample.chunk(2)
        latents = scheduler.step(empty + guidance * (told - empty), t, latents).prev_sample
    return vae.to_bytes(autoencoder.decode(latents).sample)


def rate_factor(step, begin, total, anneal):
    """Warm-up (again after every warm restart), level, then a straight line down over the last `anneal` steps."""
    down = 1 if step < total - anneal else max(0.02, (total - step) / anneal)
    return min(1, (step - begin + 1) / WARM_UP) * down


def train(folder, total, anneal, log):
    autoencoder = vae.finished(folder)
    latents = torch.load(folder / "latents.pt")
    texts = json.loads((folder / "icon_c.json").read_text())
    torch.manual_seed(0)
    unet, text_encoder = make_unet().to(memory_format=torch.channels_last), make_text_encoder()
    optimizer = Both([unet, text_encoder], betas=(0.9, 0.98), weight_decay=1e-2, **RATES)
    average = Average({"unet": unet, "text_encoder": text_encoder}, limit=0.999)
    step, begin, seconds = 0, 0, 0.0
    if kept := load(folder / "unet_state.pt"):
        unet.load_state_dict(kept["unet"])
        text_encoder.load_state_dict(kept["text_encoder"])
        optimizer.load_state_dict(kept["optimizer"])
        average.values, step, begin, seconds = kept["average"], kept["step"], kept["begin"], kept["seconds"]
        if kept["annealed"]:
            begin = step  # a warm restart: the rate was at the bottom
    elif start := load(folder / "unet_start.pt"):
        unet.load_state_dict(start["unet"])
        text_encoder.load_state_dict(start["text_encoder"])
        average = Average({"unet": unet, "text_encoder": text_encoder}, limit=0.999)
    signal = DDIMScheduler(**SCHEDULE).alphas_cumprod
    log(f"unet: {sum(p.numel() for p in optimizer.parameters):,} weights with the text encoder, step {step} of {total}")
    losses = []

    def keep():
        save(folder / "unet_state.pt", unet=unet.state_dict(), text_encoder=text_encoder.state_dict(), optimizer=optimizer.state_dict(),
             average=average.values, step=step, begin=begin, seconds=seconds, annealed=step >= total)

    while step < total:
        wait_while_paused(folder)
        started = time.monotonic()
        factor = rate_factor(step, begin, total, anneal)
        draw = torch.Generator().manual_seed(step)  # the step alone decides: resuming repeats nothing and skips nothing
        chosen = torch.randint(0, len(latents), (BATCH,), generator=draw)
        rng = random.Random(step)
        clean = latents[chosen]
        words = tokens([captions.vary(texts[i], rng) for i in chosen.tolist()])
        spread = (torch.arange(BATCH) + torch.rand(BATCH, generator=draw)) / BATCH  # one time in each slice
        times = (spread * 1000).long().clamp(0, 999)
        noise = torch.randn(clean.shape, generator=draw)
        a = signal[times].view(-1, 1, 1, 1)
        noisy = (a.sqrt() * clean + (1 - a).sqrt() * noise).contiguous(memory_format=torch.channels_last)
        target = a.sqrt() * noise - (1 - a).sqrt() * clean
        guess = unet(noisy, times, text_encoder(words)[0]).sample
        ratio = signal[times] / (1 - signal[times])
        weight = ratio.clamp(max=5) / (ratio + 1)
        loss = ((guess - target).square().mean((1, 2, 3)) * weight).sum() / weight.sum()
        optimizer.step(loss, factor)
        average.update(step)
        step += 1
        losses.append(loss.item())
        seconds += time.monotonic() - started
        if step % 100 == 0:
            log(f"unet {step} loss {np.mean(losses[-100:]):.4f} rate {factor:.2f} {step * BATCH / seconds:.0f} pictures/s {seconds:.0f} s")
        if step % SAVE_EVERY == 0 or step == total:
            keep()
        if step % (4 * SAVE_EVERY) == 0 or step == total:
            vae.sheet(generate(*averaged(average.values), autoencoder, SAMPLES), folder / "samples.png")


def averaged(values):
    """The UNet and the text encoder with the averaged weights."""
    unet, text_encoder = make_unet(), make_text_encoder()
    unet.load_state_dict(values["unet"])
    text_encoder.load_state_dict(values["text_encoder"])
    return unet.eval(), text_encoder.eval()


SAMPLES = [
    "a red apple on a white background", "a cat on a green background", "a blue car on a yellow background", "a house in a meadow",
    "a robot at night", "a yellow fish in the sea", "a green frog on a pink background", "a cake on a white background",
    "a rocket at night", "a star on a blue background", "a purple heart on the beach", "a snowman in the snow",
    "a dog on a blue background", "a turtle in a meadow", "a castle on a pink background", "a pink rabbit on a white background",
    "a purple castle at night", "a green cat in the snow", "a red robot on the beach", "a blue rabbit in the sea",
    "a pink mushroom at night", "a yellow car in the snow", "an orange rocket in a meadow", "a blue apple on an orange background",
]
