"""What sd-scripts' settings make of a network -> test/golden/data/kohya-networks.json

    python tools/goldens/kohya_networks.py <clone of kohya-ss/sd-scripts>

For arguments as users write them: the modules that networks/lora.py and LyCORIS create on the shapes of SD 1.5 and SDXL, each
with its rank, its scale, and the rates that its two halves get in the optimizer. Their own code runs, on models without
weights. Each list is kept as a digest."""
import json
import shlex
import sys

import torch
from lora_names import DATA, digest, text_encoders

from kohya_arguments import parser

CASES = [
    ("sd15", "--network_module networks.lora"),
    ("sd15", "--network_module networks.lora --network_dim 32 --network_alpha 16 --unet_lr 1e-4 --text_encoder_lr 5e-5"),
    ("sd15", "--network_module networks.lora --network_dim 8 --network_train_unet_only --learning_rate 1e-3"),
    ("sd15", "--network_module networks.lora --network_dim 8 --network_train_text_encoder_only --learning_rate 1e-3"),
    ("sd15", "--network_module networks.lora --network_dim 8 --network_alpha 4 --network_args conv_dim=4 conv_alpha=2"),
    ("sd15", "--network_module networks.lora --network_dim 8 --network_alpha 4 --network_args conv_dim=4"),
    ("sd15", "--network_module networks.lora --network_dim 8 --unet_lr 0 --learning_rate 1e-4"),
    ("sd15", "--network_module networks.lora --network_dim 8 --text_encoder_lr 0 --learning_rate 1e-4"),
    ("sd15", "--network_module networks.lora --network_dim 8 --learning_rate 1e-4 --network_args loraplus_lr_ratio=16"),
    ("sd15", "--network_module networks.lora --network_dim 8 --learning_rate 1e-4 --network_args loraplus_unet_lr_ratio=8 loraplus_text_encoder_lr_ratio=2"),
    ("sd15", "--network_module networks.lora --network_dim 8 --learning_rate 1e-4 --network_args down_lr_weight=0,0,0,0,0,0,1,1,1,1,1,1 mid_lr_weight=0.5 up_lr_weight=cosine+.1"),
    ("sd15", "--network_module networks.lora --network_dim 8 --learning_rate 1e-4 --network_args mid_lr_weight=2"),
    ("sd15", "--network_module networks.lora --network_dim 8 --learning_rate 1e-4 --network_args block_lr_zero_threshold=0.2 down_lr_weight=0.1,0.2,0.3,1,1,1,1,1,1,1,1,1"),
    ("sd15", "--network_module networks.lora --network_dim 8 --network_alpha 2 --learning_rate 1e-4 --network_args block_dims=2,2,2,2,4,4,4,4,4,4,4,4,8,4,4,4,4,4,4,4,4,2,2,2,2"),
    ("sd15", "--network_module networks.lora --network_dim 8 --learning_rate 1e-4 --network_args block_dims=2,2,2,2,4,4,4,4,4,4,4,4,8,4,4,4,4,4,4,4,4,2,2,2,2 block_alphas=1,1,1,1,2,2,2,2,2,2,2,2,4,2,2,2,2,2,2,2,2,1,1,1,1 conv_dim=2 conv_alpha=1"),
    ("sd15", "--network_module lycoris.kohya --network_dim 16 --network_alpha 8 --network_args algo=lora preset=attn-mlp"),
    ("sd15", "--network_module lycoris.kohya --network_dim 16 --network_alpha 8 --network_args algo=locon conv_dim=4 conv_alpha=2"),
    ("sd15", "--network_module lycoris.kohya --network_dim 16 --network_alpha 8 --network_args algo=locon conv_dim=4"),
    ("sd15", "--network_module lycoris.kohya --network_dim 4 --network_alpha 2"),
    ("sd15", "--network_module lycoris.kohya --network_dim 4 --network_alpha 2 --network_args preset=full-lin"),
    ("sd15", "--network_module lycoris.kohya --network_dim 16 --network_alpha 8 --network_args preset=attn-only"),
    ("sd15", "--network_module lycoris.kohya --network_dim 4 --network_alpha 2 --network_args preset=unet-only"),
    ("sd15", "--network_module lycoris.kohya --network_dim 16 --network_alpha 8 --network_args preset=unet-transformer-only"),
    ("sd15", "--network_module lycoris.kohya --network_dim 4 --network_alpha 2 --network_args preset=unet-convblock-only"),
    ("sd15", "--network_module lycoris.kohya --network_dim 16 --network_alpha 4 --network_args rs_lora=True preset=attn-mlp"),
    ("sd15", "--network_module lycoris.kohya --network_dim 8 --network_alpha 4 --network_args algo=loha preset=attn-mlp"),
    ("sdxl", "--network_module networks.lora --network_dim 8 --network_alpha 4 --unet_lr 3e-4 --text_encoder_lr 6e-5"),
    ("sdxl", "--network_module networks.lora --network_dim 8 --network_train_unet_only --unet_lr 3e-4"),
    ("sdxl", "--network_module networks.lora --network_dim 8 --learning_rate 1e-4 --network_args down_lr_weight=sine up_lr_weight=reverse_linear"),
]


def shown(number):
    return f"{number:.5e}"


def rates(network, args):
    """Parameter name -> rate, as train_network.py asks for them (`prepare_optimizer_params`); missing where it is not trained."""
    text = args.text_encoder_lr
    text = None if not text else text[0]
    try:
        made = network.prepare_optimizer_params(text, args.unet_lr, args.learning_rate)
    except TypeError:
        made = network.prepare_optimizer_params(text, args.unet_lr)
    groups = made[0] if isinstance(made, tuple) else made
    of = {}
    for group in groups:
        for parameter in group["params"]:
            of[id(parameter)] = group.get("lr", args.learning_rate)
    return of


def modules(family, words):
    args = parser(sdxl=True).parse_args(shlex.split(words))
    with torch.device("meta"):
        unet = SdxlUnet() if family == "sdxl" else KohyaUnet(64, 8, 768, False)
    texts = text_encoders(family)
    module = KohyaLora if args.network_module == "networks.lora" else lycoris.kohya
    KohyaLora.LoRANetwork.UNET_TARGET_REPLACE_MODULE = list(PLAIN)  # sd-scripts adds to it
    options = dict(pair.split("=", 1) for pair in args.network_args or [])
    texts = texts if len(texts) > 1 else texts[0]
    network = module.create_network(1.0, args.network_dim, args.network_alpha, None, texts, unet, neuron_dropout=args.network_dropout, **options)
    network.apply_to(texts, unet, not args.network_train_unet_only, not args.network_train_text_encoder_only)
    of = rates(network, args)
    lines = []
    loras = network.loras if hasattr(network, "loras") else network.text_encoder_loras + network.unet_loras
    for lora in loras:
        halves = dict(lora.named_parameters())
        down = next(p for n, p in halves.items() if "lora_down" in n or n == "hada_w1_b" or n == "hada_w1_a")
        up = next(p for n, p in halves.items() if "lora_up" in n or n == "hada_w2_a")
        # What gets no rate is not trained, and stays as it began: without effect.
        if id(down) not in of:
            continue
        lines.append(f"{lora.lora_name} {lora.lora_dim} {shown(lora.scale)} {shown(of[id(down)])} {shown(of[id(up)])}")
    made = digest(lines)
    return {**made, "samples": made["samples"][::3]}


def main():
    rows = [{"family": family, "arguments": words, **modules(family, words)} for family, words in CASES]
    lines = ",\n".join(json.dumps(row) for row in rows)
    (DATA / "kohya-networks.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    import types

    sys.path.insert(0, sys.argv[1])
    # library/utils.py wants packages that networks do not need.
    sys.modules["library.utils"] = types.SimpleNamespace(setup_logging=lambda *a, **k: None)
    import lycoris.kohya
    import networks.lora as KohyaLora
    from library.original_unet import UNet2DConditionModel as KohyaUnet
    from library.sdxl_original_unet import SdxlUNet2DConditionModel as SdxlUnet

    # LyCORIS 4.1.3 names these layers twice in the presets `full` and `full-lin`, and stops: "duplicated lora name".
    for preset in lycoris.kohya.PRESET.values():
        preset["unet_target_module"] = [name for name in preset["unet_target_module"] if name != "TimestepEmbedding"]
    PLAIN = list(KohyaLora.LoRANetwork.UNET_TARGET_REPLACE_MODULE)
    main()
