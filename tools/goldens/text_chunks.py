"""States of long texts by the embedded model's text encoder, each chunk by itself: test/golden/data/text_chunks.json.

    python tools/goldens/text_chunks.py      run again whenever pretrained/pocket changes"""
import json

import torch
from models import DATA, digest
from transformers import CLIPTextModel, CLIPTokenizer

MODEL = DATA.parents[2] / "pretrained" / "pocket"
WORDS = "a green frog sits at night on a red house in the snow, waving to seven small birds; "
TEXTS = ["", "A zorbi, waving; in the snow!", WORDS, WORDS * 3]


def main():
    tokenizer = CLIPTokenizer.from_pretrained(MODEL / "tokenizer")
    encoder = CLIPTextModel.from_pretrained(MODEL / "text_encoder", torch_dtype=torch.float32).eval()
    length, start, end = tokenizer.model_max_length - 2, tokenizer.bos_token_id, tokenizer.eos_token_id
    cases = []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        chunks = [ids[i:i + length] for i in range(0, max(1, len(ids)), length)]
        states = [encoder(torch.tensor([[start, *chunk, end, *[end] * (length - len(chunk))]]))[0] for chunk in chunks]
        cases.append({"text": text, "tokens": len(ids), "chunks": len(chunks), "states": digest(torch.cat(states, dim=1))})
    (DATA / "text_chunks.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
