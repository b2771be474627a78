"""Golden pictures of other programs: the text of each in the places where it writes, and what sd-parsers and
sd-prompt-reader read in them.

The values are made up; the layouts are those that the programs write. Hidden text follows the description of the
stealth-pnginfo extension. Writes test/golden/data/picture-dialects.json. Usage: python tools/goldens/picture_dialects.py
"""

import base64
import gzip
import html
import io
import json
import logging
from pathlib import Path

import piexif
import piexif.helper
from PIL import Image, PngImagePlugin
from sd_parsers import ParserManager
from sd_parsers.extractors import Eagerness
from sd_prompt_reader.image_data_reader import ImageDataReader

logging.disable(logging.CRITICAL)

LINE = "Steps: 25, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 1234567890, Size: 512x768, Model hash: 6ce0161689, Model: dreamlike_v3"
A1111 = f"a fox in snow, <lora:alice:0.8> <lora:bob:0.5:0.9>\nNegative prompt: lowres, bad hands\n{LINE}"
HASHES = 'Lora hashes: "alice: 0123456789ab, bob: ba9876543210"'


def png(texts, image=None):
    info = PngImagePlugin.PngInfo()
    for key, value in texts.items():
        info.add_text(key, value if isinstance(value, str) else json.dumps(value))
    out = io.BytesIO()
    (image or Image.new("RGB", (1, 1))).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def exif_file(kind, comment=None, tags=None):
    exif = {"0th": tags or {}, "Exif": {} if comment is None else {piexif.ExifIFD.UserComment: comment}}
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind, exif=piexif.dump(exif))
    return out.getvalue()


def pillow_exif(kind):
    """Pillow's own Exif, here little-endian; in a PNG it is an eXIf chunk."""
    out, exif = io.BytesIO(), Image.Exif()
    exif.endian = "<"
    exif[0x0131] = "a camera"
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111.encode("utf-16-be")
    Image.new("RGB", (8, 8)).save(out, kind, exif=exif)
    return out.getvalue()


def hidden(text, signature, size=64):
    """Signature, bits of the text's length and the text, a bit a channel, down the columns."""
    body = gzip.compress(text.encode(), mtime=0) if signature.endswith("comp") else text.encode()
    data = signature.encode() + (len(body) * 8).to_bytes(4, "big") + body
    bits = [byte >> (7 - i) & 1 for byte in data for i in range(8)]
    image = Image.new("RGBA", (size, size), (120, 120, 120, 254))
    channels = [3] if "png" in signature else [0, 1, 2]
    assert len(bits) <= size * size * len(channels)
    for i in range(0, len(bits), len(channels)):
        at = divmod(i // len(channels), size)
        pixel = list(image.getpixel(at))
        for channel, bit in zip(channels, bits[i : i + len(channels)]):
            pixel[channel] = pixel[channel] & 254 | bit
        image.putpixel(at, tuple(pixel))
    return png({}, image)


def workflow(api, widgets):
    """The page of a graph: numbered links; widgets in the order that nodes have them."""
    links, nodes = [], []
    for key, node in api.items():
        inputs = []
        for name, value in node["inputs"].items():
            if isinstance(value, list):
                links.append([len(links) + 1, int(value[0]), value[1], int(key), len(inputs), "CLIP" if name == "clip" else "ANY"])
                inputs.append({"name": name, "type": "ANY", "link": len(links)})
        values = [node["inputs"].get(name, "fixed") for name in widgets.get(node["class_type"], [])]
        nodes.append({"id": int(key), "type": node["class_type"], "mode": 0, "inputs": inputs, "widgets_values": values})
    return {"last_node_id": len(nodes), "nodes": nodes, "links": links, "version": 0.4}


WIDGETS = {
    "KSampler": ["seed", "control", "steps", "cfg", "sampler_name", "scheduler", "denoise"],
    "CLIPTextEncode": ["text"],
    "LoraLoader": ["lora_name", "strength_model", "strength_clip"],
    "CheckpointLoaderSimple": ["ckpt_name"],
    "CLIPSetLastLayer": ["stop_at_clip_layer"],
    "EmptyLatentImage": ["width", "height", "batch_size"],
    "LatentUpscale": ["upscale_method", "width", "height", "crop"],
    "SaveImage": ["filename_prefix"],
}


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


def comfy(hires=False):
    graph = {
        "4": node("CheckpointLoaderSimple", ckpt_name="dreamlike_v3.safetensors"),
        "10": node("LoraLoader", lora_name="people/alice.safetensors", strength_model=0.8, strength_clip=0.8, model=["4", 0], clip=["4", 1]),
        "11": node("LoraLoader", lora_name="bob.safetensors", strength_model=0.9, strength_clip=0.5, model=["10", 0], clip=["10", 1]),
        "12": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["11", 1]),
        "6": node("CLIPTextEncode", text="a fox in snow", clip=["12", 0]),
        "7": node("CLIPTextEncode", text="lowres, bad hands", clip=["12", 0]),
        "5": node("EmptyLatentImage", width=512, height=768, batch_size=1),
        "3": node("KSampler", seed=1234567890, steps=25, cfg=6.5, sampler_name="dpmpp_2m", scheduler="karras", denoise=1.0, model=["11", 0], positive=["6", 0], negative=["7", 0], latent_image=["5", 0]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", filename_prefix="ComfyUI", images=["8", 0]),
    }
    if hires:
        graph["13"] = node("LatentUpscale", upscale_method="bicubic", width=1024, height=1536, crop="disabled", samples=["3", 0])
        graph["14"] = node("KSampler", seed=77, steps=12, cfg=5.0, sampler_name="euler", scheduler="normal", denoise=0.5, model=["11", 0], positive=["6", 0], negative=["7", 0], latent_image=["13", 0])
        graph["8"]["inputs"]["samples"] = ["14", 0]
    return graph


INVOKE = {
    "generation_mode": "txt2img", "positive_prompt": "a fox in snow", "negative_prompt": "lowres, bad hands",
    "width": 512, "height": 768, "seed": 1234567890, "rand_device": "cpu", "cfg_scale": 6.5, "cfg_rescale_multiplier": 0.25,
    "steps": 25, "scheduler": "dpmpp_2m_k", "clip_skip": 1,
    "model": {"model_name": "dreamlike_v3", "base_model": "sd-1", "model_type": "main"},
    "loras": [{"lora": {"model_name": "alice", "base_model": "sd-1"}, "weight": 0.8}],
}
INVOKE_IMAGE = {
    "model": "stable diffusion", "model_weights": "dreamlike_v3", "model_hash": "00ff", "app_id": "invoke-ai/InvokeAI", "app_version": "2.3.0",
    "image": {
        "prompt": [{"prompt": "a fox in snow [lowres, bad hands]", "weight": 1.0}], "steps": 25, "cfg_scale": 6.5,
        "height": 768, "width": 512, "seed": 1234567890, "sampler": "k_lms", "type": "txt2img",
    },
}
DREAM = '"a fox in snow [lowres, bad hands]" -s 25 -S 1234567890 -W 512 -H 768 -C 6.5 -A k_lms -G 0.9'
SWARM = {
    "sui_image_params": {
        "prompt": "a fox in snow <lora:carol:0.9:0.4>", "negativeprompt": "lowres, bad hands", "model": "dreamlike_v3.safetensors",
        "seed": 1234567890, "steps": 25, "cfgscale": 6.5, "aspectratio": "Custom", "width": 512, "height": 768,
        "comfyuisampler": "dpmpp_2m", "comfyuischeduler": "karras", "clipstopatlayer": -2,
        "loras": ["people/alice", "bob"], "loraweights": ["0.8", "0.9"], "loratencweights": ["0.8", "0.5"], "swarm_version": "0.9.6.0",
    },
    "sui_models": [
        {"name": "dreamlike_v3.safetensors", "param": "model", "hash": "0x" + "6c" * 32},
        {"name": "bob.safetensors", "param": "loras", "hash": "0x" + "ba" * 32},
    ],
}
NOVELAI_COMMENT = {
    "prompt": "a fox in snow", "steps": 25, "height": 768, "width": 512, "scale": 6.5, "seed": 1234567890, "noise": 0.0, "strength": 0.7,
    "sampler": "k_euler_ancestral", "noise_schedule": "karras", "uc": "lowres, bad hands",
}
NOVELAI = {
    "Title": "AI generated image", "Description": "a fox in snow", "Software": "NovelAI", "Source": "Stable Diffusion 1D44365E",
    "Comment": json.dumps(NOVELAI_COMMENT),
}
FOOOCUS = {
    "base_model": "dreamlike_v3", "base_model_hash": "6ce0161689", "clip_skip": 2, "guidance_scale": 6.5, "loras": [["alice", 0.8, "0123456789"]],
    "metadata_scheme": "fooocus", "negative_prompt": "lowres, bad hands", "prompt": "a fox in snow", "resolution": "(512, 768)",
    "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras", "seed": "1234567890", "sharpness": 2, "steps": 25, "styles": "[]", "version": "Fooocus v2.5.0",
}
FOOOCUS_OLD = {
    "prompt": "a fox in snow", "negative_prompt": "lowres, bad hands", "base_model": "dreamlike_v3.safetensors", "sampler": "dpmpp_2m",
    "seed": 1234567890, "cfg": 6.5, "steps": 25, "width": 512, "height": 768, "loras": [],
}


EASY = {
    "prompt": "a fox in snow", "negative_prompt": "lowres, bad hands", "seed": 1234567890, "use_stable_diffusion_model": "C:\\models\\dreamlike_v3.safetensors",
    "clip_skip": True, "use_vae_model": "", "sampler_name": "dpmpp_2m", "width": 512, "height": 768, "num_inference_steps": 25, "guidance_scale": 6.5,
    "use_lora_model": ["alice", "bob"], "lora_alpha": [0.8, 0.5],
}
EASY_PAGE = {
    "Prompt": "a fox in snow", "Negative Prompt": "lowres, bad hands", "Seed": "1234567890", "Stable Diffusion model": "dreamlike_v3", "Clip Skip": "False",
    "VAE model": "None", "Sampler": "euler_a", "Width": "512", "Height": "768", "Steps": "25", "Guidance Scale": "6.5",
}
DRAW_THINGS = {
    "c": "a fox in snow & <ice>", "uc": "lowres, bad hands", "model": "dreamlike_v3.ckpt", "sampler": "DPM++ 2M Karras", "scale": 6.5, "seed": 1234567890,
    "size": "512x768", "steps": 25, "strength": 1, "lora": [{"model": "alice.ckpt", "weight": 0.8}],
}


def draw_things():
    """The packet as sd-prompt-reader expects it: white space, and a list of one item."""
    comment = html.escape(json.dumps(DRAW_THINGS), quote=False)
    packet = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"><exif:UserComment>
<rdf:Alt>
<rdf:li xml:lang="x-default">{comment}</rdf:li>
</rdf:Alt>
</exif:UserComment></rdf:Description></rdf:RDF></x:xmpmeta>"""
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def unicode_comment(text):
    return piexif.helper.UserComment.dump(text, encoding="unicode")


def pictures():
    comfy_page = workflow(comfy(), WIDGETS)
    old_jpeg = io.BytesIO()
    Image.new("RGB", (8, 8)).save(old_jpeg, "JPEG", comment=json.dumps(FOOOCUS_OLD))
    yield "a1111.png", png({"parameters": f"{A1111}, {HASHES}, Version: v1.10.1"})
    yield "a1111-utf8.png", png({"parameters": A1111.replace("snow", "снег ❄")})
    yield "a1111.jpg", exif_file("JPEG", unicode_comment(A1111))
    yield "a1111.webp", exif_file("WEBP", unicode_comment(A1111))
    yield "a1111-utf8.jpg", exif_file("JPEG", unicode_comment(A1111.replace("snow", "снег ❄")))
    yield "a1111-little-endian.jpg", exif_file("JPEG", b"UNICODE\0" + A1111.encode("utf-16-le"))
    yield "a1111-ascii.jpg", exif_file("JPEG", piexif.helper.UserComment.dump(A1111, encoding="ascii"))
    yield "a1111-pillow.jpg", pillow_exif("JPEG")
    yield "a1111-pillow.png", pillow_exif("PNG")
    yield "a1111-stealth.png", hidden(A1111, "stealth_pngcomp")
    yield "a1111-stealth-plain.png", hidden(A1111, "stealth_pnginfo")
    yield "a1111-stealth-rgb.png", hidden(A1111, "stealth_rgbcomp")
    yield "a1111-stealth-rgb-plain.png", hidden(A1111, "stealth_rgbinfo")
    yield "forge.png", png({"parameters": f"{A1111}, Clip skip: 2, RNG: CPU, Denoising strength: 0.4, Hires CFG Scale: 5, Hires upscale: 1.5, Hires steps: 10, Hires upscaler: Latent, {HASHES}, Version: f2.0.1v1.10.1-previous-633-ge629779"})
    civitai = {"model": "6ce0161689", "lora:alice": "aabbccddee", "vae": "735e4c3a44"}
    yield "civitai.png", png({"parameters": f"{A1111}, Version: v1.6.0, Hashes: {json.dumps(civitai)}"})
    resources = [{"type": "checkpoint", "modelVersionId": 1, "modelName": "Dreamlike"}, {"type": "lora", "weight": 0.7, "modelVersionId": 2, "modelName": "Carol"}]
    yield "civitai-online.jpg", exif_file("JPEG", unicode_comment(f"{A1111}, Created Date: 2024-05-01T10:20:30Z, Civitai resources: {json.dumps(resources)}, Civitai metadata: {json.dumps({'remixOfId': 3})}"))
    yield "comfy.png", png({"prompt": comfy(), "workflow": comfy_page})
    yield "comfy-hires.png", png({"prompt": comfy(True), "workflow": workflow(comfy(True), WIDGETS)})
    yield "comfy-page.png", png({"workflow": comfy_page})
    yield "comfy.webp", exif_file("WEBP", tags={piexif.ImageIFD.Model: "prompt:" + json.dumps(comfy()), piexif.ImageIFD.Make: "workflow:" + json.dumps(comfy_page)})
    yield "invoke.png", png({"invokeai_metadata": INVOKE})
    yield "invoke-2.png", png({"Dream": DREAM, "sd-metadata": INVOKE_IMAGE})
    yield "invoke-dream.png", png({"Dream": DREAM})
    yield "swarm.png", png({"parameters": SWARM})
    yield "swarm.jpg", exif_file("JPEG", b"UNICODE\0" + json.dumps(SWARM).encode("utf-16-le"))
    yield "novelai.png", png(NOVELAI)
    yield "novelai-stealth.png", hidden(json.dumps({k: v for k, v in NOVELAI.items() if k != "Title"}), "stealth_pngcomp")
    yield "fooocus.png", png({"parameters": FOOOCUS, "fooocus_scheme": "fooocus"})
    yield "fooocus.jpg", exif_file("JPEG", unicode_comment(json.dumps(FOOOCUS)))
    yield "fooocus-old.jpg", old_jpeg.getvalue()
    yield "easy-diffusion.jpg", exif_file("JPEG", unicode_comment(json.dumps(EASY)))
    yield "easy-diffusion.png", png(EASY_PAGE)
    yield "draw-things.png", draw_things()
    cpp = LINE.replace("Sampler: DPM++ 2M, Schedule type: Karras", "RNG: cuda, Sampler: euler_a karras")
    yield "sd.cpp.png", png({"parameters": f"a fox in snow\nNegative prompt: lowres, bad hands\n{cpp}, Version: stable-diffusion.cpp"})


def sd_parsers(data):
    info = ParserManager(eagerness=Eagerness.EAGER).parse(io.BytesIO(data))
    if info is None:
        return None
    samplers = [
        {
            "sampler": sampler.name,
            **{key: value for key, value in sampler.parameters.items() if key in ("seed", "steps", "cfg_scale", "scheduler")},
            "model": sampler.model and {"name": sampler.model.name, "hash": sampler.model.hash},
            "prompt": "\n".join(prompt.value for prompt in sampler.prompts),
            "negativePrompt": "\n".join(prompt.value for prompt in sampler.negative_prompts),
        }
        for sampler in info.samplers
    ]
    return {"program": info.generator.value, "samplers": samplers}


def prompt_reader(data):
    try:
        reader = ImageDataReader(io.BytesIO(data))
    except ValueError:  # an Exif tag that it takes for JSON
        return None
    if reader.status.name != "READ_SUCCESS":
        return None
    return {"program": reader.tool, "positive": reader.positive, "negative": reader.negative, **reader.parameter}


def main():
    out = [
        {"name": name, "file": base64.b64encode(data).decode(), "sdParsers": sd_parsers(data), "promptReader": prompt_reader(data)}
        for name, data in pictures()
    ]
    path = Path(__file__).parents[2] / "test/golden/data/picture-dialects.json"
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


main()
