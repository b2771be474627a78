"""Every argument of sd-scripts' own parsers, with type and default, and its documented commands as its parser reads them
-> test/golden/data/kohya-arguments.json, kohya-commands.json

    python tools/goldens/kohya_arguments.py <clone of kohya-ss/sd-scripts>

The functions that make the parsers are taken out of their files and run as they stand, so that nothing of its many
requirements is needed. Made from 48d368fa (2026-02-16)."""
import argparse
import ast
import contextlib
import io
import json
import pathlib
import re
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Dict, List, Optional, Tuple, Union

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
ROOT = Path(sys.argv[1])


# Ways to write arguments that pages do not show: beginnings of names, lists, percentages, numbers of every form.
MADE = [
    "--pretrained_model_name_or_path a.safetensors --network_di 32 --network_al=16.5 --lr_warmup_steps 5%",
    "--network_args conv_dim=8 conv_alpha=4 --text_encoder_lr 1e-5 2e-5 --lr_warmup_steps 0.05 --lr_decay_steps 100",
    "--optimizer_args weight_decay=0.1 betas=0.9,0.99 --learning_rate 1 --optimizer_type Prodigy --seed 7",
    "--train_data_dir=pics --reg_data_dir reg --resolution 512,768 --enable_b --min_snr 5 --noise_offset .05 --flip_aug",
    "--base_weights a.safetensors b.safetensors --base_weights_multiplier 0.5 -1 --save_precision fp16 --zero_terminal",
]


def functions(path, names, **known):
    space = {"argparse": argparse, "Path": Path, "pathlib": pathlib, "List": List, "Dict": Dict, "Optional": Optional,
             "Tuple": Tuple, "Union": Union, **known}
    nodes = [n for n in ast.parse((ROOT / path).read_text()).body if isinstance(n, ast.FunctionDef) and n.name in names]
    assert {n.name for n in nodes} == set(names), path
    for node in nodes:
        exec(compile(ast.Module([node], []), path, "exec"), space)
    return SimpleNamespace(**{name: space[name] for name in names})


def parser(sdxl):
    library = {
        "train_util": functions("library/train_util.py", [
            "add_sd_models_arguments", "add_dataset_arguments", "add_training_arguments", "add_masked_loss_arguments",
            "add_optimizer_arguments"]),
        "sai_model_spec": functions("library/sai_model_spec.py", ["add_model_spec_arguments"]),
        "deepspeed_utils": functions("library/deepspeed_utils.py", ["add_deepspeed_arguments"]),
        "config_util": functions("library/config_util.py", ["add_config_arguments"]),
        "custom_train_functions": functions("library/custom_train_functions.py", ["add_custom_train_arguments"]),
        "add_logging_arguments": functions("library/utils.py", ["add_logging_arguments"]).add_logging_arguments,
    }
    made = functions("train_network.py", ["setup_parser"], **library).setup_parser()
    if sdxl:
        functions("library/sdxl_train_util.py", ["add_sdxl_training_arguments"]).add_sdxl_training_arguments(made)
    return made


def plain(value):
    return value if value is None or isinstance(value, (bool, int, float, str, list)) else str(value)


def describe(action):
    kind = "flag" if isinstance(action, argparse._StoreTrueAction) else getattr(action.type, "__name__", "str")
    row = {"type": kind, "default": plain(action.default)}
    if action.nargs is not None and kind != "flag":
        row["nargs"] = action.nargs
    if action.choices:
        row["choices"] = [plain(c) for c in action.choices]
    return row


def arguments(made):
    return {a.option_strings[0][2:]: describe(a) for a in made._actions if not isinstance(a, argparse._HelpAction)}


def placeless(word):
    """Values that are words of the pages are not repeated."""
    name, equals, value = word.partition("=")
    return f"{name}=PLACE" if equals and (" " in value or "<" in value) else "PLACE" if " " in word or "<" in word else word


def commands(made):
    """The arguments of each documented command of a LoRA of SD or SDXL, and what the parser makes of them."""
    defaults = vars(made.parse_args([]))
    rows = []
    for page in sorted((ROOT / "docs").glob("*.md")):
        for block in re.findall(r"```(?:bash|terminal|shell)?\n(.*?)```", page.read_text(), re.S):
            found = re.search(r"(?<![a-z_])((?:sdxl_)?train_network\.py)(.*)", block, re.S)
            if not found or "--" not in found[2]:
                continue
            text = re.sub(r"[\\^]\n|\n", " ", found[2])
            words = [placeless(word) for word in shlex.split(text.replace("`", ""))]
            row = parsed(made, found[1], words, defaults)
            # Its page on SDXL names arguments that its own parser refuses.
            if row and row not in rows:
                rows.append(row)
    return rows + [parsed(made, "train_network.py", words.split(), defaults) for words in MADE]


def parsed(made, script, words, defaults):
    with contextlib.redirect_stderr(io.StringIO()):
        try:
            given = vars(made.parse_args(words))
        except SystemExit:
            return None
    return {"script": script, "arguments": words, "values": {k: plain(v) for k, v in given.items() if v != defaults[k]}}


def main():
    both = parser(sdxl=True)
    plain_names = set(arguments(parser(sdxl=False)))
    every = arguments(both)
    for name in every:
        if name not in plain_names:
            every[name]["sdxl"] = True
    write("kohya-arguments.json", every)
    write("kohya-commands.json", commands(both))


def write(name, rows):
    items = rows.items() if isinstance(rows, dict) else [(None, row) for row in rows]
    lines = [(f"{json.dumps(key)}: " if key else "") + json.dumps(value, ensure_ascii=False) for key, value in items]
    (left, right) = "{}" if isinstance(rows, dict) else "[]"
    (DATA / name).write_text(left + "\n" + ",\n".join(lines) + "\n" + right + "\n")


if __name__ == "__main__":
    main()
