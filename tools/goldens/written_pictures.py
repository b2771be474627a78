"""Golden readings: what sd-parsers, sd-prompt-reader, Pillow, piexif and exiftool read in pictures that we wrote.

written_pictures.ts draws them. exiftool is a Debian package (libimage-exiftool-perl).
Writes test/golden/data/written-pictures.json. Usage: python tools/goldens/written_pictures.py
"""

import hashlib
import json
import logging
import subprocess
import tempfile
from pathlib import Path

import piexif
import piexif.helper
from PIL import Image
from sd_parsers import ParserManager
from sd_prompt_reader.image_data_reader import ImageDataReader

logging.disable(logging.CRITICAL)
ROOT = Path(__file__).parents[2]
NODE = ROOT / "node_modules/node/bin/node"


def sd_parsers(path):
    info = ParserManager().parse(path)
    (sampler,) = info.samplers
    return {
        "program": info.generator.value,
        "sampler": sampler.name,
        "parameters": sampler.parameters,
        "model": sampler.model and {"name": sampler.model.name, "hash": sampler.model.hash},
        "prompts": [prompt.value for prompt in sampler.prompts],
        "negativePrompts": [prompt.value for prompt in sampler.negative_prompts],
        "metadata": info.metadata,
    }


def prompt_reader(path):
    reader = ImageDataReader(str(path))
    return {
        "program": reader.tool,
        "status": reader.status.name,
        "positive": reader.positive,
        "negative": reader.negative,
        **reader.parameter,
    }


def comment(path):
    """The A1111 text as Pillow (PNG) or piexif (Exif) gives it."""
    with Image.open(path) as image:
        image.load()
        if image.format == "PNG":
            return image.text["parameters"]
        return piexif.helper.UserComment.load(piexif.load(image.info["exif"])["Exif"][piexif.ExifIFD.UserComment])


def exiftool(path):
    """exiftool also says what is wrong with a file."""
    tags = ["-XMP:DigitalSourceType", "-XMP:CreatorTool", "-XMP:Picture", "-Exif:UserComment", "-PNG:Parameters", "-FileType", "-ImageSize", "-Warning", "-Error"]
    out = subprocess.run(["exiftool", "-j", "-n", "-charset", "utf8", *tags, str(path)], stdout=subprocess.PIPE, check=True).stdout
    (found,) = json.loads(out)
    del found["SourceFile"]
    if "Picture" in found:  # our record, JSON
        found["Picture"] = hashlib.sha256(found["Picture"].encode()).hexdigest()
    return found


def main():
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([NODE, ROOT / "tools/goldens/written_pictures.ts", folder], check=True, cwd=ROOT)
        for path in sorted(Path(folder).iterdir()):
            text = comment(path)
            out[path.name] = {
                "text": text,
                "sdParsers": sd_parsers(path),
                "promptReader": prompt_reader(path),
                "exiftool": exiftool(path),
            }
    path = ROOT / "test/golden/data/written-pictures.json"
    path.write_text(json.dumps(out, separators=(",", ":"), ensure_ascii=False) + "\n")
    print(path, path.stat().st_size)


main()
