"""What PEFT and diffusers make of files in their own dialects -> test/golden/data/lora-dialects.json

    python tools/goldens/lora_dialects.py

Each program saves an adapter on a small UNet or text encoder; its tensors get hashed numbers (hashed_weights.py); the same
program loads the file again and merges it. What that adds to every weight and bias is kept as digests."""
import json
import re
import tempfile
from pathlib import Path

import torch
import transformers.integrations.peft
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from diffusers.training_utils import _collate_lora_metadata
from diffusers.utils.state_dict_utils import convert_state_dict_to_diffusers, convert_state_dict_to_kohya
from hashed_weights import fill, hashed
from models import UNETS, digest
from peft import LoHaConfig, LoKrConfig, LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

DATA = Path(__file__).parents[2] / "test" / "golden" / "data"
transformers.integrations.peft.MIN_PEFT_VERSION = "0.21"  # transformers 5.24 asks for a PEFT that is not out yet
torch.set_num_threads(1)
torch.set_grad_enabled(False)
LAYERS = r"(down_blocks\.0|mid_block)\..*(attentions\.0\.proj_in|attn2\.to_k|attn1\.to_out\.0|resnets\.0\.conv1|resnets\.0\.time_emb_proj|ff\.net\.2)"
ATTENTION = r"(down_blocks\.0|mid_block)\..*attn[12]\.to_(q|k|v|out\.0)"
TEXT = r".*layers\.[01]\.(self_attn\.(q_proj|out_proj)|mlp\.fc1)"
PATTERNS = dict(rank_pattern={"attn2.to_k": 2, r"^down_blocks.0.*proj_in": 3}, alpha_pattern={"attn2.to_k": 5, "mid_block.resnets.0.conv1": 1.5})


def unet():
    model = UNet2DConditionModel(sample_size=8, **UNETS["sd15"]).eval()
    fill(model)
    return model


def text_encoder():
    config = CLIPTextConfig(vocab_size=100, hidden_size=48, intermediate_size=96, num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=16)
    model = CLIPTextModel(config).eval()
    fill(model)
    return model


def rehash(path):
    """Gives the tensors of a saved file hashed numbers; numbers that stand alone stay. Returns what the file holds."""
    with safe_open(path, "pt") as file:
        tensors, metadata = {k: file.get_tensor(k) for k in file.keys()}, file.metadata()
    tensors = {k: v if v.numel() == 1 else torch.from_numpy(hashed(k, v.shape)) for k, v in tensors.items()}
    save_file(tensors, path, metadata=metadata)
    entries = {k: {"shape": list(v.shape), **({"value": v.item(), "dtype": str(v.dtype).removeprefix("torch.")} if v.numel() == 1 else {})} for k, v in tensors.items()}
    return {"tensors": entries, "metadata": metadata or {}}


def changes(model, part):
    """What merging adds to weights and biases, in float64."""
    model.double()
    out = {}
    for name, layer in model.named_modules():
        if not isinstance(layer, BaseTunerLayer):
            continue
        base = layer.get_base_layer()
        weight, bias = base.weight.clone(), None if base.bias is None else base.bias.clone()
        layer.merge()
        target = f"{part}.{re.sub('^base_model.model.', '', name)}"
        out[target] = {"weight": digest(base.weight - weight, 32)}
        if bias is not None and not torch.equal(base.bias, bias):
            out[target]["bias"] = digest(base.bias - bias, 32)
    return out


def peft_folder(make, part, config):
    """A native folder: adapter_config.json and adapter_model.safetensors."""
    with tempfile.TemporaryDirectory() as folder:
        get_peft_model(make(), config).save_pretrained(folder)
        file = rehash(f"{folder}/adapter_model.safetensors")
        text = json.loads(Path(folder, "adapter_config.json").read_text())
        loaded = PeftModel.from_pretrained(make(), folder)
        return {"file": file, "config": text, "changes": changes(loaded, part)}


def adapted(make, config):
    model = make()
    model.add_adapter(config)
    return model


def pipeline_file(path):
    """What load_lora_weights does with a file, without the rest of a pipeline."""
    state, alphas, metadata = StableDiffusionPipeline.lora_state_dict(path, unet_config=unet().config, return_lora_metadata=True)
    parts = {"unet": unet(), "text_encoder": text_encoder()}
    StableDiffusionPipeline.load_lora_into_unet(dict(state), alphas, parts["unet"], metadata=metadata)
    if any(k.startswith("text_encoder.") for k in state):
        StableDiffusionPipeline.load_lora_into_text_encoder(state, alphas, parts["text_encoder"], prefix="text_encoder", metadata=metadata)
    return {k: v for part, model in parts.items() for k, v in changes(model, part).items()}


def saved_by_pipeline(unet_config, text_config):
    """A file as the training scripts of diffusers write it, with lora_adapter_metadata. Of files that also have layers
    outside of attention, which it calls lora_A and lora_B, diffusers 0.42.1 loads one half: the first key decides."""
    one, two = adapted(unet, unet_config), adapted(text_encoder, text_config)
    with tempfile.TemporaryDirectory() as folder:
        StableDiffusionPipeline.save_lora_weights(
            folder,
            unet_lora_layers=convert_state_dict_to_diffusers(get_peft_model_state_dict(one)),
            text_encoder_lora_layers=convert_state_dict_to_diffusers(get_peft_model_state_dict(two)),
            **_collate_lora_metadata({"unet": one, "text_encoder": two}),
        )
        path = f"{folder}/pytorch_lora_weights.safetensors"
        return {"file": rehash(path), "changes": pipeline_file(path)}


def saved_by_unet(config):
    """A UNet's own adapter file: no `unet.` in front."""
    with tempfile.TemporaryDirectory() as folder:
        adapted(unet, config).save_lora_adapter(folder)
        path = f"{folder}/pytorch_lora_weights.safetensors"
        file = rehash(path)
        loaded = unet()
        loaded.load_lora_adapter(folder, weight_name="pytorch_lora_weights.safetensors", prefix=None)
        return {"file": file, "changes": changes(loaded, "unet")}


def renamed(config, rename):
    """The tensors of an adapter under other names."""
    state = {f"unet.{k}": v.contiguous() for k, v in get_peft_model_state_dict(adapted(unet, config)).items()}
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/pytorch_lora_weights.safetensors"
        save_file(rename(state), path)
        return {"file": rehash(path), "changes": pipeline_file(path)}


def to_processors(state):
    """Attention processors, as diffusers named them in 2023."""
    old = lambda k: re.sub(r"\.(attn\d)\.to_(q|k|v|out)(\.0)?\.lora_(A|B)", lambda m: f".{m[1]}.processor.to_{m[2]}_lora.{'down' if m[4] == 'A' else 'up'}", k)
    return {old(k): v for k, v in state.items()}


def to_kohya(state):
    """diffusers' own converter; its alphas are ranks, in int64."""
    return {k.replace("lora_unet.", "lora_unet_"): v.contiguous() for k, v in convert_state_dict_to_kohya(state).items()}


lora = lambda layers=LAYERS, **options: LoraConfig(**{"r": 4, "lora_alpha": 6, "target_modules": layers, **options})
golden = {
    "PEFT folder, ranks and alphas by pattern": peft_folder(unet, "unet", lora(**PATTERNS)),
    "PEFT folder, rsLoRA and biases": peft_folder(unet, "unet", lora(LAYERS.replace(r"attn2\.to_k|", ""), use_rslora=True, lora_bias=True)),
    "PEFT folder, DoRA": peft_folder(unet, "unet", lora(use_dora=True, use_rslora=True)),
    "PEFT folder, text encoder": peft_folder(text_encoder, "text_encoder", lora(TEXT)),
    "PEFT folder, LoHa": peft_folder(unet, "unet", LoHaConfig(r=4, alpha=6, target_modules=LAYERS, use_effective_conv2d=True, alpha_pattern={"attn2.to_k": 5})),
    "PEFT folder, LoKr": peft_folder(unet, "unet", LoKrConfig(r=2, alpha=6, target_modules=LAYERS, use_effective_conv2d=True, decompose_both=True)),
    "PEFT folder, LoKr of two whole matrices": peft_folder(unet, "unet", LoKrConfig(r=64, alpha=6, target_modules=LAYERS)),
    "Diffusers file with metadata": saved_by_pipeline(lora(ATTENTION, **PATTERNS), lora(TEXT, use_rslora=True)),
    "Diffusers file of a UNet": saved_by_unet(lora(**PATTERNS, use_dora=True)),
    "Diffusers file of 2023": renamed(lora(ATTENTION), to_processors),
    "Diffusers file without metadata": renamed(lora(ATTENTION), lambda state: convert_state_dict_to_diffusers(state)),
    "kohya file by diffusers": renamed(lora(), to_kohya),
}
for name, case in golden.items():
    keys = list(case["file"]["tensors"])
    print(name, len(keys), keys[0], len(case["changes"]), case["changes"][next(iter(case["changes"]))]["weight"]["norm"])
(DATA / "lora-dialects.json").write_text(json.dumps(golden, default=lambda x: sorted(x) if isinstance(x, set) else str(x)) + "\n")
