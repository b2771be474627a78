"""What PyPI's webuiapi sees of a studio. `webuiapi_client.py ADDRESS TOKEN` prints JSON; nothing is judged here."""
import asyncio
import base64
import io
import json
import sys
import threading
import time
from urllib.parse import urlparse

import requests
import webuiapi
from PIL import Image, PngImagePlugin

address, token = sys.argv[1:3]
place = urlparse(address)
small = {"width": 64, "height": 64, "steps": 2}
saw = {}


def client(password=token):
    return webuiapi.WebUIApi(host=place.hostname, port=place.port, username="user", password=password)


def about(result):
    keys = ["all_seeds", "seed", "index_of_first_image", "infotexts", "sampler_name", "steps", "width", "height",
            "batch_size", "extra_generation_params", "denoising_strength", "all_prompts", "styles"]
    info = result.info if isinstance(result.info, dict) else {}
    return {
        "sizes": [picture.size for picture in result.images],
        "texts": [picture.info.get("parameters") for picture in result.images],
        "info": {key: info.get(key) for key in keys},
        "keys": sorted(info),
        "parameters": sorted(result.parameters) if isinstance(result.parameters, dict) else [],
        "echo": {key: result.parameters.get(key, "absent") for key in ["init_images", "mask", "steps", "cfg_scale"]}
        if isinstance(result.parameters, dict) else {},
    }


def error_of(work):
    try:
        work()
    except RuntimeError as error:
        return {"status": error.args[0], "body": json.loads(error.args[1])}
    except Exception as error:  # the client's own
        return {"class": type(error).__name__, "message": str(error)[:500]}
    return None


def difference(first, second):
    a, b = first.convert("RGB").tobytes(), second.convert("RGB").tobytes()
    return sum(abs(x - y) for x, y in zip(a, b)) / len(a)


api = client()

saw["lists"] = {
    "samplers": [row["name"] for row in api.get_samplers()],
    "schedulers": [row["name"] for row in api.get_schedulers()],
    "upscalers": [row["name"] for row in api.get_upscalers()],
    "latent": [row["name"] for row in api.get_latent_upscale_modes()],
    "models": api.get_sd_models(),
    "vaes": api.get_sd_vae(),
    "loras": api.get_loras(),
    "embeddings": api.get_embeddings(),
    "hypernetworks": api.get_hypernetworks(),
    "face restorers": api.get_face_restorers(),
    "styles": api.get_prompt_styles(),
    "scripts": api.get_scripts(),
    "memory": sorted(api.get_memory()),
    "flags": api.get_cmd_flags(),
    "refreshed": api.refresh_checkpoints(),
}
saw["idle"] = api.get_progress()

plain = api.txt2img(prompt="a zorbi", negative_prompt="grey", seed=7, **small)
saw["txt2img"] = about(plain)
again = api.txt2img(prompt="a zorbi", negative_prompt="grey", seed=7, **small)
saw["same seed"] = difference(plain.image, again.image)
saw["batch"] = about(api.txt2img(prompt="a zorbi", seed=7, batch_size=2, n_iter=2, styles=["none"], **small))
saw["grid"] = about(api.txt2img(prompt="a zorbi", seed=7, batch_size=2, save_images=True, **small))
lora = api.txt2img(prompt="a zorbi <lora:zorbi:1>", negative_prompt="grey", seed=7, **small)
saw["lora"] = {**about(lora), "difference": difference(plain.image, lora.image)}
saw["hires"] = about(api.txt2img(
    prompt="a zorbi", enable_hr=True, hr_scale=2, hr_second_pass_steps=2, hr_upscaler=webuiapi.HiResUpscaler.Latent,
    denoising_strength=0.6, **small))

started = api.img2img(images=[plain.image], prompt="a zorbi", seed=7, denoising_strength=0.5, **small)
saw["img2img"] = {**about(started), "difference": difference(plain.image, started.image)}
saw["img2img of two"] = about(api.img2img(
    images=[plain.image, lora.image], batch_size=2, prompt="a zorbi", seed=7, include_init_images=True, **small))
saw["too many"] = error_of(lambda: api.img2img(images=[plain.image, lora.image], prompt="a zorbi", **small))

mask = Image.new("L", (64, 64), 0)
mask.paste(255, (0, 0, 32, 64))
painted = api.img2img(images=[plain.image], mask_image=mask, mask_blur=0, inpainting_fill=1, inpaint_full_res=False,
                      prompt="a zorbi", seed=8, **small)
right = (40, 0, 64, 64)
left = (0, 0, 24, 64)
saw["inpaint"] = {
    **about(painted),
    "kept": difference(plain.image.crop(right), painted.image.crop(right)),
    "drawn": difference(plain.image.crop(left), painted.image.crop(left)),
}
saw["larger mask"] = about(api.img2img(
    images=[plain.image], mask_image=mask.resize((128, 128)), prompt="a zorbi", seed=8, **small))
saw["other mask"] = error_of(lambda: api.img2img(
    images=[plain.image], mask_image=mask.resize((64, 200)), prompt="a zorbi", **small))

saw["png info"] = api.png_info(plain.image).json
text = "somebody else's\nNegative prompt: blurry\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, " \
       "CFG scale: 7, Seed: 3, Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, Version: v1.10.1"
foreign = Image.new("RGB", (8, 8))
foreign.info["parameters"] = text
saw["foreign png info"] = api.png_info(foreign).json
saw["silent png info"] = api.png_info(Image.new("RGB", (8, 8))).json

single = api.extra_single_image(plain.image, upscaler_1="Lanczos", upscaling_resize=2)
saw["extra"] = {**about(single), "html": single.json["html_info"]}
saw["extra to"] = about(api.extra_single_image(
    plain.image, resize_mode=1, upscaling_resize_w=96, upscaling_resize_h=48, upscaler_1="Nearest"))
saw["extra batch"] = about(api.extra_batch_images(
    [plain.image, lora.image], upscaler_1="Nearest", upscaler_2="Lanczos", extras_upscaler_2_visibility=0.5))
saw["extra none"] = about(api.extra_single_image(plain.image))
saw["extra model"] = error_of(lambda: api.extra_single_image(plain.image, upscaler_1=webuiapi.Upscaler.ESRGAN_4x))
saw["interrogate"] = error_of(lambda: api.interrogate(plain.image))

saw["options"] = api.get_options()
api.set_options({"CLIP_stop_at_last_layers": 2, "samples_format": "jpg"})
saw["options set"] = api.get_options()
jpeg = api.txt2img(prompt="a zorbi", seed=7, **small)
saw["as jpeg"] = {"format": jpeg.image.format, "clip_skip": jpeg.info["clip_skip"]}
api.set_options({"CLIP_stop_at_last_layers": 1, "samples_format": "png"})
model = saw["lists"]["models"][0]["title"]
saw["model set"] = [api.set_options({"sd_model_checkpoint": model}), api.get_options()["sd_model_checkpoint"]]
saw["model unknown"] = api.set_options({"sd_model_checkpoint": "pokcet"})
api.util_wait_for_ready(check_interval=0.1)

saw["sampler wrong"] = error_of(lambda: api.txt2img(prompt="a", sampler_name="Euler b", **small))
saw["lora wrong"] = error_of(lambda: api.txt2img(prompt="a <lora:zorby:1>", **small))
saw["model wrong"] = error_of(lambda: api.txt2img(
    prompt="a", override_settings={"sd_model_checkpoint": "pokcet"}, **small))
saw["password wrong"] = error_of(lambda: client("wrong").txt2img(prompt="a", **small))
saw["script wrong"] = error_of(lambda: api.txt2img(prompt="a", script_name="X/Y/Z plot", **small))
more = api.session.post(f"{api.baseurl}/txt2img", json={"prompt": "a", "nobody_knows": {"this": 1}, **small})
saw["more fields"] = more.status_code

# In the middle of a picture: how far it is, and its end.
results = {}


def draw():
    results["drawn"] = about(api.txt2img(
        prompt="a zorbi", seed=7, width=128, height=128, steps=1000, sampler_name="Euler", scheduler="karras"))


other = client()
thread = threading.Thread(target=draw)
thread.start()
seen = []
until = time.time() + 60
while time.time() < until:
    now = other.get_progress()
    if now["state"]["sampling_step"] > 4 and now["current_image"]:
        seen.append(now)
        if len(seen) > 1:
            break
    time.sleep(0.1)
picture = seen[-1].pop("current_image") if seen else None
saw["progress"] = seen[-1] if seen else None
saw["preview"] = Image.open(io.BytesIO(base64.b64decode(picture))).size if picture else None
saw["interrupt"] = other.interrupt()
thread.join(60)
saw["interrupted"] = results.get("drawn")


async def both():
    started = time.time()
    pictures = await asyncio.gather(*[api.txt2img(prompt="a zorbi", seed=seed, use_async=True, **small)
                                      for seed in [7, 9]])
    return [about(picture)["info"]["all_seeds"] for picture in pictures], time.time() - started


saw["async"] = asyncio.run(both())[0]
print(json.dumps(saw))
