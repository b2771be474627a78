"""How sd-scripts itself reads prompt files -> test/golden/data/prompt-lines.json

    python tools/goldens/prompt_lines.py <clone of kohya-ss/sd-scripts>

Its `line_to_prompt_dict` and `load_prompts` are taken out of library/train_util.py and run as they stand. Needs `toml`.
Made from 48d368fa (2026-02-16)."""
import ast
import json
import logging
import re
import sys
import tempfile
import types
from pathlib import Path
from typing import Dict, List

import toml

ROOT = Path(sys.argv[1])
DATA = Path(__file__).parents[2] / "test" / "golden" / "data"

LINES = [
    "a cat",
    "a cat --n blurry, low quality --w 512 --h 768 --d 42 --l 7.5 --s 28 --ss euler_a",
    "(masterpiece:1.2), a cat, --not a flag --w 640",
    "  padded prompt   --d 1  ",
    "a cat --W 320 --H 448 --D 7 --L 3 --S 5 --N Bad --SS DDIM",
    "a cat --w 512 --w 256",
    "a cat --w  512",
    "a cat --w512",
    "a cat --w",
    "a cat --w 512.75 --h 100abc",
    "a cat --l 1.2.3",
    "a cat --l 7.",
    "a cat --l .5",
    "a cat --l -1",
    "a cat --s 0",
    "a cat --s 5000",
    "a cat --d 18446744073709551615",
    "a cat --d -1",
    "a cat --n",
    "a cat --n  two spaces ",
    "a cat --n a -- b --- c --w 64",
    "a cat--w 512",
    "a cat --unknown 5 --x",
    "a cat --g 3.5 --cn picture.png --ctr 0.25 --rcfg 1 --fs 3.0",
    "--w 512",
    "# not a comment in a line of its own function",
    "日本語の猫 --n ぼやけた --d 3",
    "a cat --neg bad",
    "a cat --ss",
    "a cat --sss euler",
]

# Flags that it finds in the prompt itself.
IN_PROMPT = ["n ice cat", "w 512 wide pictures", "s 20 swords --w 64"]

TEXT = """# a comment
a cat --d 1

  # taken for a prompt
\ta dog --w 128
#another
a bird"""

TOML = """
[prompt]
negative_prompt = "blurry"
width = 512
height = 768
sample_steps = 25
[[prompt.subset]]
prompt = "a cat"
seed = 7
scale = 5
[[prompt.subset]]
prompt = "a dog"
sample_sampler = "euler_a"
scale = 7.5
"""

JSON = json.dumps([
    "a cat --d 5 --w 64",
    {"prompt": "a dog", "negative_prompt": "bad", "width": 320, "height": 256, "seed": 3, "sample_steps": 9, "scale": 4.5},
    {"negative_prompt": "only that"},
])


def functions():
    source = ast.parse((ROOT / "library/train_util.py").read_text(encoding="utf8"))
    wanted = [node for node in source.body
              if isinstance(node, ast.FunctionDef) and node.name in ("line_to_prompt_dict", "load_prompts")]
    space = {"re": re, "json": json, "toml": toml, "List": List, "Dict": Dict, "logger": logging.getLogger("none")}
    exec(compile(ast.Module(wanted, []), "train_util", "exec"), space)
    # load_prompts imports it from its own file.
    sys.modules["library"] = types.ModuleType("library")
    sys.modules["library.train_util"] = types.SimpleNamespace(line_to_prompt_dict=space["line_to_prompt_dict"])
    return space


def main():
    logging.disable(logging.CRITICAL)
    space = functions()
    files = []
    with tempfile.TemporaryDirectory() as folder:
        for name, text in [("prompts.txt", TEXT), ("prompts.toml", TOML), ("prompts.json", JSON)]:
            path = Path(folder) / name
            path.write_text(text, encoding="utf8")
            files.append({"name": name, "text": text, "prompts": space["load_prompts"](str(path))})
    lines = [{"line": line, "read": space["line_to_prompt_dict"](line.strip())} for line in LINES]
    odd = [{"line": line, "read": space["line_to_prompt_dict"](line)} for line in IN_PROMPT]
    for entry in [*(one["read"] for one in lines), *(prompt for file in files for prompt in file["prompts"])]:
        if "seed" in entry:
            entry["seed"] = str(entry["seed"])
    path = DATA / "prompt-lines.json"
    path.write_text(json.dumps({"lines": lines, "inPrompt": odd, "files": files}, ensure_ascii=False, indent=1) + "\n", encoding="utf8")


main()
