"""Golden ids of CLIP's own tokenizer: transformers' CLIPTokenizer with OpenAI's vocabulary, on 5,000 strings.

The vocabulary comes from the list of merges that open_clip_torch carries (a package other than the one that the product
reads it from). test/support/prompt-strings.ts makes the same strings from the same seed; here are hashes of their ids, one
for each block of 50, and whole ids of a few.

Usage: python tools/goldens/clip_tokenizer.py bpe_simple_vocab_16e6.txt.gz   -> test/golden/data/clip-tokenizer.json
"""

import gzip
import hashlib
import json
import sys
import tempfile
from pathlib import Path

from transformers import CLIPTokenizer

ROOT = Path(__file__).parents[2]
COUNT, BLOCK = 5000, 50


def hash_step(x):
    """murmur3's finaliser, as in hashed_weights.py."""
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return x ^ (x >> 16)


class Draw:
    """Whole numbers below a bound, a pure function of (seed, position)."""

    def __init__(self, seed):
        self.seed, self.position = seed, 0

    def below(self, bound):
        self.position += 1
        return hash_step((self.position * 0x9E3779B1 + self.seed) & 0xFFFFFFFF) % bound

    def choice(self, items):
        return items[self.below(len(items))]


def strings(recipe, count):
    words, glue, marks, ranges = recipe["words"], recipe["glue"], recipe["marks"], recipe["ranges"]
    for i in range(count):
        draw = Draw(hash_step(i + 1))
        parts = []
        for _ in range(1 + draw.below(draw.choice(recipe["lengths"]))):
            kind = draw.below(8)
            if kind < 5:
                word = draw.choice(words)
                case = draw.below(4)
                parts.append(word.upper() if case == 0 else word)
            elif kind == 5:
                parts.append(draw.choice(marks))
            else:
                first, last = draw.choice(ranges)
                parts.extend(chr(first + draw.below(last - first + 1)) for _ in range(1 + draw.below(6)))
            parts.append(draw.choice(glue))
        yield "".join(parts)


def vocabulary(path):
    """openai/CLIP's simple_tokenizer: bytes, bytes at the end of a word, merges, start, end."""
    merges = gzip.open(path).read().decode().split("\n")[1:49152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    extra = [b for b in range(256) if b not in printable]
    symbols = [chr(b) for b in printable] + [chr(256 + i) for i in range(len(extra))]
    tokens = symbols + [s + "</w>" for s in symbols] + [m.replace(" ", "") for m in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == 49408
    return {token: i for i, token in enumerate(tokens)}, merges


def main(path):
    recipe = json.loads((ROOT / "test/golden/data/prompt-strings.json").read_text())
    vocab, merges = vocabulary(path)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vocab.json").write_text(json.dumps(vocab))
        (Path(folder) / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
        tokenizer = CLIPTokenizer.from_pretrained(folder, model_max_length=77, pad_token="<|endoftext|>")
    texts = list(strings(recipe, COUNT))
    ids = [tokenizer(text, padding="max_length", truncation=True, max_length=77).input_ids for text in texts]
    digest = lambda rows: hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()[:16]
    out = {
        "vocabulary": digest(list(vocab)),
        "texts": digest(texts and [[ord(c) for c in t] for t in texts]),
        "blocks": [digest(ids[i:i + BLOCK]) for i in range(0, COUNT, BLOCK)],
        "examples": [[texts[i], [x for x in ids[i] if x != 49407]] for i in range(0, COUNT, 500)],
        "padded": sum(row[-2] == 49407 for row in ids),
    }
    target = ROOT / "test/golden/data/clip-tokenizer.json"
    target.write_text(json.dumps(out) + "\n")
    print(target, target.stat().st_size, out["padded"], "of", COUNT, "fit")


main(sys.argv[1])
