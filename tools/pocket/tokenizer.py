"""A CLIP byte-pair tokenizer in its original file format, whose merges make every word of the captions one token.

    python tools/pocket/tokenizer.py pretrained/pocket/tokenizer     compares the written files with transformers' CLIPTokenizer
"""
import json
import random
import sys
from collections import Counter
from pathlib import Path

import regex

START, END = "<|startoftext|>", "<|endoftext|>"
LENGTH = 32
PIECES = regex.compile(
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE
)


def byte_characters():
    """The printable character that stands for each byte, in the order of CLIP's vocabulary."""
    values = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    characters = list(values)
    for value in range(256):
        if value not in values:
            characters.append(256 + len(values) - 188)
            values.append(value)
    return {value: chr(character) for value, character in zip(values, characters)}


def learn_merges(words):
    """Joins the most frequent neighbours again and again until every word is one symbol."""
    split = {word: [*word[:-1], word[-1] + "</w>"] for word in words}
    merges = []
    while any(len(parts) > 1 for parts in split.values()):
        pairs = Counter(pair for parts in split.values() for pair in zip(parts, parts[1:]))
        best = max(sorted(pairs), key=pairs.get)
        merges.append(best)
        for word, parts in split.items():
            joined, i = [], 0
            while i < len(parts):
                if tuple(parts[i : i + 2]) == best:
                    joined.append(parts[i] + parts[i + 1])
                    i += 2
                else:
                    joined.append(parts[i])
                    i += 1
            split[word] = joined
    return merges


class Tokenizer:
    def __init__(self, words, length=LENGTH):
        self.length = length
        self.merges = learn_merges(sorted(words))
        self.byte_characters = byte_characters()
        units = list(self.byte_characters.values())
        tokens = [*units, *(unit + "</w>" for unit in units), *(a + b for a, b in self.merges), START, END]
        self.vocabulary = {token: number for number, token in enumerate(tokens)}
        assert len(self.vocabulary) == len(tokens)
        self.rank = {pair: number for number, pair in enumerate(self.merges)}
        self.start, self.end = self.vocabulary[START], self.vocabulary[END]
        self.known = {}

    def piece(self, text):
        """The token numbers of one word or run of signs."""
        if text not in self.known:
            parts = [self.byte_characters[value] for value in text.encode()]
            parts[-1] += "</w>"
            while len(parts) > 1:
                rank, i = min((self.rank.get(pair, len(self.rank)), i) for i, pair in enumerate(zip(parts, parts[1:])))
                if rank == len(self.rank):
                    break
                pair = (parts[i], parts[i + 1])
                joined, i = [], 0
                while i < len(parts):
                    hit = tuple(parts[i : i + 2]) == pair
                    joined.append(parts[i] + parts[i + 1] if hit else parts[i])
                    i += 2 if hit else 1
                parts = joined
            self.known[text] = [self.vocabulary[part] for part in parts]
        return self.known[text]

    def __call__(self, text):
        """Start, the text's tokens (cut to fit), end; then padding, which is the end token again."""
        tokens = [token for piece in PIECES.findall(" ".join(text.lower().split())) for token in self.piece(piece)]
        tokens = [self.start, *tokens[: self.length - 2], self.end]
        return tokens + [self.end] * (self.length - len(tokens))

    def save(self, folder):
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        special = {"bos_token": START, "eos_token": END, "unk_token": END, "pad_token": END}
        settings = {**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": self.length,
                    "do_lower_case": True, "add_prefix_space": False, "errors": "replace"}
        (folder / "vocab.json").write_text(json.dumps(self.vocabulary, ensure_ascii=False) + "\n")
        (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in self.merges))
        (folder / "special_tokens_map.json").write_text(json.dumps(special, indent=2) + "\n")
        (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def compare(folder, count=1000):
    """Counts the random texts on which this tokenizer and transformers' disagree."""
    from transformers import CLIPTokenizer

    from captions import WORDS

    theirs, ours = CLIPTokenizer.from_pretrained(folder), Tokenizer(WORDS)
    rng = random.Random(5)
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,!?'-()[]:;/äöüßéñ日本猫🐈"
    made_up = ["zorbi", "blueprint", "it's", "don't", "we'll", "3d", "x-ray", "A", "…"]
    differing = []
    for number in range(count):
        if number % 2:
            text = "".join(rng.choice(letters) for _ in range(rng.randint(0, 30)))
        else:
            text = " ".join(rng.choice([*WORDS, *made_up]) for _ in range(rng.randint(0, 9)))
        wanted = theirs(text, padding="max_length", max_length=ours.length, truncation=True).input_ids
        if wanted != ours(text):
            differing.append((text, wanted, ours(text)))
    return differing


if __name__ == "__main__":
    wrong = compare(sys.argv[1])
    print(f"{len(wrong)} of 1000 texts differ")
    for text, wanted, got in wrong[:5]:
        print(repr(text), wanted, got, sep="\n  ")
    sys.exit(bool(wrong))
