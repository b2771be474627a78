"""Golden picture texts: the chunks that Pillow writes for them, and what A1111's documented rule reads out of them.

The rule: the last line counts as fields when the field pattern matches at least three times in it; a quoted value is
JSON; `Negative prompt:` starts the negative prompt. Python's `re` runs the pattern, so that differences between its
and JavaScript's regular expressions show.
Writes test/golden/data/picture-text.json. Usage: python tools/goldens/picture_text.py
"""

import base64
import io
import json
import re
from pathlib import Path

from PIL import Image, PngImagePlugin

FIELD = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')

TAIL = "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x768, Model hash: 6ce0161689, Model: v1-5-pruned-emaonly, RNG: CPU, Version: v1.10.1"
TEXTS = [
    f"a cat\n{TAIL}",
    f"a cat, (masterpiece:1.2) <lora:alice:0.8>\nNegative prompt: lowres, bad: anatomy\n{TAIL}",
    f"first line\nsecond line\n\nfourth\nNegative prompt: one\ntwo, three\n{TAIL}",
    'a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7.5, Seed: 4294967295, Size: 64x64, Lora hashes: "alice: 0123456789ab, bob: ba9876543210", TI hashes: "x: 1", Version: 1',
    'a "quoted" cat\nSteps: 1, Sampler: Euler, Wildcard prompt: "say \\"hi\\", then: go\\nnext", Model: "a, b", Seed: 3, Size: 8x8',
    "Steps: 5, Sampler: DDIM, Seed: 2, Size: 64x64, CFG scale: 1",
    "only a prompt with: one colon, and commas",
    "a: 1, b: 2",
    f"日本語 café 😀\nNegative prompt: плохо\n{TAIL}",
    "x\nSteps: 20, Größe über: 3, Ключ имя: y, Sampler: Euler, Seed: 5",
    "x\n(weird) Steps: 20, -dash key: 1, / slash: 2, a: short, Seed: 5, Size: 1x1",
    f"trailing spaces  \n  Negative prompt:   spaced  \n{TAIL}  \n",
    'unclosed\nSteps: 1, Sampler: "Euler, Seed: 5, Size: 1x1',
    "café in Latin-1\nSteps: 1, Sampler: Euler, Seed: 5",
    "Negative prompt: only negative\nSteps: 1, Sampler: Euler, Seed: 5",
    "",
]


def read(text):
    *lines, last = text.strip().split("\n")
    found = FIELD.findall(last)
    if len(found) < 3:
        lines, found = [*lines, last], []
    prompt, negative, done = [], [], False
    for line in lines:
        line = line.strip()
        if line.startswith("Negative prompt:"):
            done, line = True, line[len("Negative prompt:"):].strip()
        (negative if done else prompt).append(line)
    fields = {}
    for key, value in found:
        try:
            fields[key] = json.loads(value) if value[:1] == '"' and value[-1:] == '"' else value
        except ValueError:
            fields[key] = value
    return {"prompt": "\n".join(prompt).strip(), "negativePrompt": "\n".join(negative).strip(), "fields": fields}


def chunks(png):
    position = 8
    while position < len(png):
        length = int.from_bytes(png[position : position + 4], "big")
        yield png[position + 4 : position + 8].decode(), png[position : position + 12 + length]
        position += 12 + length


def pillow_file(text, compress=False):
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", text, zip=compress)
    out = io.BytesIO()
    Image.new("RGB", (1, 1)).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def pillow_chunk(text):
    return next(base64.b64encode(body).decode() for kind, body in chunks(pillow_file(text)) if kind in ("tEXt", "iTXt"))


def main():
    out = {
        "texts": [{"text": text, "read": read(text), "chunk": pillow_chunk(text)} for text in TEXTS],
        "compressed": [
            {"text": text, "file": base64.b64encode(pillow_file(text, True)).decode()} for text in TEXTS[1:9:7] + TEXTS[13:14]
        ],
    }
    path = Path(__file__).parents[2] / "test/golden/data/picture-text.json"
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


main()
