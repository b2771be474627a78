"""What kohya's sd-scripts itself writes and computes -> test/golden/data/sd-scripts.json

    python tools/goldens/sd_scripts.py <clone of kohya-ss/sd-scripts>

Its own code is taken out of its files and run as it stands, so that nothing of its many requirements is needed: the statements
of train_network.py that make the metadata, its argument parser, library/sai_model_spec.py, and from networks/lora.py the
index of blocks and the curves of rates by block. Made from 48d368fa (2026-02-16)."""
import argparse
import ast
import json
import logging
import os
import random
import re
import sys
import types
from pathlib import Path
from types import SimpleNamespace
from typing import Dict, List, Optional, Type, Union

from lora_files import REAL_UNETS
from diffusers import UNet2DConditionModel
import torch

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
ROOT = Path(sys.argv[1])
logger = logging.getLogger("sd-scripts")


def tree(path):
    return ast.parse((ROOT / path).read_text())


def functions(path, names, **known):
    """Functions of a file, without the rest of it."""
    space = {"argparse": argparse, "logger": logger, "os": os, "re": re, "random": random, **known,
             **{t.__name__ if hasattr(t, "__name__") else str(t): t for t in (Dict, List, Optional, Union, Type)},
             "List": List, "Dict": Dict, "Optional": Optional, "Union": Union}
    for node in tree(path).body:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            exec(compile(ast.Module([node], []), path, "exec"), space)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.startswith(("RE_", "HIGH_VRAM", "DEFAULT_")):
            exec(compile(ast.Module([node], []), path, "exec"), space)
    return space


def model_spec():
    """The real module, whose only requirements are safetensors and a logger."""
    utils = types.ModuleType("library.utils")
    utils.setup_logging = lambda *a, **k: None
    sys.modules["library"], sys.modules["library.utils"] = types.ModuleType("library"), utils
    module = types.ModuleType("sai_model_spec")
    sys.modules["sai_model_spec"] = module  # dataclasses look there
    exec(compile((ROOT / "library/sai_model_spec.py").read_text(), "sai_model_spec.py", "exec"), module.__dict__)
    return module


def parser(spec):
    train_util = functions("library/train_util.py", {
        "add_sd_models_arguments", "add_dataset_arguments", "add_training_arguments", "add_masked_loss_arguments",
        "add_optimizer_arguments"})
    custom = functions("library/custom_train_functions.py", {"add_custom_train_arguments"})
    own = next(n for n in tree("train_network.py").body if isinstance(n, ast.FunctionDef) and n.name == "setup_parser")
    nothing = lambda *a, **k: None
    space = {
        "argparse": argparse, "add_logging_arguments": nothing, "train_util": SimpleNamespace(**train_util),
        "sai_model_spec": spec, "deepspeed_utils": SimpleNamespace(add_deepspeed_arguments=nothing),
        "config_util": SimpleNamespace(add_config_arguments=nothing),
        "custom_train_functions": SimpleNamespace(**custom)}
    exec(compile(ast.Module([own], []), "train_network.py", "exec"), space)
    return space["setup_parser"]()


def metadata_statements():
    """From `metadata = {` of NetworkTrainer.train to the texts of it."""
    trainer = next(n for n in tree("train_network.py").body if isinstance(n, ast.ClassDef) and n.name == "NetworkTrainer")
    body = next(n for n in trainer.body if isinstance(n, ast.FunctionDef) and n.name == "train").body
    def found(statements):
        for i, node in enumerate(statements):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "metadata":
                return statements[i:]
            for field in ("body", "orelse"):
                inner = found(getattr(node, field, [])) if isinstance(node, (ast.If, ast.With, ast.For)) else None
                if inner:
                    return inner
    statements = found(body)
    end = next(i for i, n in enumerate(statements)
               if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "metadata" and isinstance(n.value, ast.DictComp))
    return statements[: end + 1]


class DreamBoothDataset:
    pass


def dataset():
    """The data set of test/golden/sd-scripts.test.ts."""
    subset = lambda name, repeats, count: SimpleNamespace(
        img_count=count, num_repeats=repeats, color_aug=False, flip_aug=False, random_crop=False, shuffle_caption=False, keep_tokens=0,
        keep_tokens_separator="", secondary_separator=None, enable_wildcard=False, caption_prefix=None, caption_suffix=None,
        resize_interpolation="lanczos", image_dir="/somewhere/" + name, class_tokens=None, is_reg=False)
    d = DreamBoothDataset()
    d.__dict__.update(
        batch_size=4, num_train_images=21, num_reg_images=0, width=512, height=512, enable_bucket=True, bucket_no_upscale=False,
        min_bucket_reso=256, max_bucket_reso=1024, resize_interpolation="lanczos",
        tag_frequency={"10_zork": {"zork": 2, "café \u2603": 1, "1990": 1}, "zorbi": {"zork": 1}},
        bucket_info={"buckets": {0: {"resolution": (512, 512), "count": 20}, 1: {"resolution": (768, 512), "count": 1}},
                     "mean_img_ar_error": 1 / 6},
        subsets=[subset("10_zork", 10, 2), subset("zorbi", 1, 1)])
    return d


COMMAND = """--pretrained_model_name_or_path=my-base --output_name=my-lora --resolution=512,512 --train_batch_size=4 --gradient_accumulation_steps=2
 --max_train_steps=100 --learning_rate=0.0001 --unet_lr=0.0001 --seed=0 --network_module=networks.lora --network_dim=8 --network_alpha=8
 --cache_latents --min_snr_gamma=5 --caption_dropout_rate=0.05 --lr_scheduler=cosine --enable_bucket --max_token_length=225
 --resize_interpolation=lanczos""".split()


def metadata(spec, extra, use_user_config):
    args = parser(spec).parse_args(COMMAND + extra)
    args.resolution = tuple(int(r) for r in args.resolution.split(","))  # verify_training_args
    data = dataset()
    kwargs = {k: v for k, v in (a.split("=", 1) for a in args.network_args or [])}
    kwargs.setdefault("dropout", args.network_dropout)
    group = SimpleNamespace(datasets=[data], num_train_images=21, num_reg_images=0)
    rates = args.text_encoder_lr
    space = {
        "args": args, "session_id": 7, "training_started_at": 1600000000.0, "train_dataset_group": group, "val_dataset_group": None,
        "text_encoder_lr": None if not rates else rates[0] if len(rates) == 1 else rates, "train_dataloader": range(6), "num_train_epochs": 34,
        "model_version": "sd_v1", "optimizer_name": "torch.optim.adamw.AdamW", "optimizer_args": "weight_decay=0.01", "json": json, "os": os,
        "train_util": SimpleNamespace(get_git_revision_hash=lambda: "(unknown)", model_hash=None, calculate_sha256=None),
        "self": SimpleNamespace(update_metadata=lambda *a: None), "use_user_config": use_user_config, "use_dreambooth_method": True,
        "DreamBoothDataset": DreamBoothDataset, "total_batch_size": args.train_batch_size * args.gradient_accumulation_steps, "net_kwargs": kwargs}
    exec(compile(ast.Module(metadata_statements(), []), "train_network.py", "exec"), space)
    spec_entries = spec.build_metadata(None, False, False, False, True, False, 1700000000.0, title=args.output_name, reso=args.resolution,
                                       timesteps=(0, 1000), clip_skip=1, optional_metadata={"implementation_version": "ours differs"})
    spec_entries.pop("modelspec.implementation_version")
    return {**space["metadata"], **spec_entries}


CASES = {
    "plain": [],
    "locon": ["--network_args", "conv_dim=4", "conv_alpha=2", "rank_dropout=0.1", "module_dropout=0.2", "loraplus_lr_ratio=16", "--network_dropout=0.3",
              "--scale_weight_norms=1"],
    "text": ["--text_encoder_lr", "5e-5"],
    "text of two": ["--text_encoder_lr", "5e-5", "1e-5"],
    "objective": [
        "--noise_offset=0.1", "--noise_offset_random_strength", "--adaptive_noise_scale=0.02", "--multires_noise_iterations=6",
        "--multires_noise_discount=0.4", "--ip_noise_gamma=0.05", "--ip_noise_gamma_random_strength", "--zero_terminal_snr",
        "--debiased_estimation_loss", "--loss_type=smooth_l1", "--huber_schedule=exponential", "--huber_c=0.2", "--huber_scale=2"],
}


def blocks():
    """kohya's index by the first parts of a layer's name, for all layers that it can train."""
    space = functions("networks/lora.py", {"get_block_index", "get_block_lr_weight"})
    names = next(n for n in tree("networks/lora.py").body if isinstance(n, ast.ClassDef) and n.name == "LoRANetwork")
    numbers = {n.targets[0].id: n.value.value for n in names.body if isinstance(n, ast.Assign) and isinstance(n.value, ast.Constant)}
    space["LoRANetwork"] = SimpleNamespace(**numbers)
    convert = functions("library/sdxl_model_util.py", {"make_unet_conversion_map"})["make_unet_conversion_map"]()
    sgm = sorted(((hf, sd) for sd, hf in convert), key=lambda pair: -len(pair[0]))
    out = {}
    for family, config in REAL_UNETS.items():
        with torch.device("meta"):
            unet = UNet2DConditionModel(**config)
        found = {}
        for path, module in unet.named_modules():
            if not isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
                continue
            name = path
            if family == "sdxl":
                name = next((name.replace(hf.rstrip("."), sd.rstrip("."), 1) for hf, sd in sgm if (path + ".").startswith(hf)), path)
            index = space["get_block_index"](("lora_unet." + name).replace(".", "_"), family == "sdxl")
            if index >= 0:
                found[".".join(path.split(".")[:4])] = index
        out[family] = found
    curves = {text: {family: space["get_block_lr_weight"](family == "sdxl", *text.split("/")[:1], [1.0] * (3 if family == "sdxl" else 1), text.split("/")[1], 0.0)
                     for family in ("sd15", "sdxl")} for text in ("cosine/sine", "linear+0.25/reverse_linear", "zeros+0.5/cosine")}
    return {"index": out, "curves": curves}


def main():
    spec = model_spec()
    floats = [0.0001, 0.00001, 5e-5, 1.5e-7, 1e-323, 0.1, 1.0, 8.0, 123456789.0, 1e15, 1e16, 1.5e16, 1e22, 3.14, 1 / 3, -2.5, 0.0]
    strings = ["plain", "caf\u00e9", "\u2603 \U0001f600", "\"\\\n\t\u0001\u007f", "a/b"]
    out = {
        "metadata": {name: {"folders": metadata(spec, extra, False), "files": metadata(spec, extra, True)} for name, extra in CASES.items()},
        "modelspec": list(spec.BASE_METADATA),
        "blocks": blocks(),
        "floats": [[x, str(x)] for x in floats],
        "json": [[s, json.dumps({s: [s, 1, 2.0, True, None]})] for s in strings],
    }
    (DATA / "sd-scripts.json").write_text(json.dumps(out) + "\n")


main()
