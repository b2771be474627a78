"""Golden token ids: transformers' CLIPTokenizer on the tokenizer folder of the embedded model, ~500 varied strings.

Writes test/golden/data/tokenizer.json: [text, ids without start token and padding]. Usage: python tools/goldens/tokenizer.py
"""

import json
import random
from pathlib import Path

from transformers import CLIPTokenizer

ROOT = Path(__file__).parents[2]

PLAIN = [
    "", " ", "a", "A", "a red car on the beach", "A Red CAR, on the Beach!", "a photo of a cat", "masterpiece, best quality",
    "it's the cat's, they've we'll I'd I'm you're don't", "IT'S THEY'VE WE'LL", "'s 's's ''s", "don''t", "o'clock's",
    "1girl, 2boys, 42 apples in 1999", "3.14159 1,000,000 50% $9.99", "x_y_z snake_case kebab-case camelCase",
    "(word:1.2) [less] {a|b} <lora:x:0.8> \\(escaped\\)", "a  b\tc\nd\r\ne\u00a0f\u3000g\u2003h", "  leading and trailing  ",
    "a\u200bb zero width space", "a\ufeffb byte order mark", "a\u0085b next line", "a\u001fb unit separator", "a\u180eb", "a\u2028b\u2029c",
    "...", "!!!", "?!?!", "--", "---", "@#$%^&*()_+=-[]{}|;:'\",.<>/?`~", "a!b?c.d,e;f", "end.</w>", "</w>", "#hashtag @user",
    "https://example.com/path?x=1&y=2", "user@example.com", "C:\\Users\\name", "\"quoted\" 'single' “curly” ‘curly’ «guillemets»",
    "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> b", "a<|startoftext|>b", "<|ENDOFTEXT|>", "<|endoftext", "|endoftext|>", "< |endoftext|>",
    "<|endoftext|><|endoftext|>", "x<|endoftext|>y z",
]
UNICODE = [
    "café", "cafe\u0301", "naïve façade", "Ünïcödé", "STRASSE Straße ẞ", "İstanbul ısı I i", "ΟΔΥΣΣΕΥΣ Σ σς ΑΣ ΑΣ.", "Привет мир", "ПРИВЕТ", "日本語の文字",
    "東京タワー、夜景。", "한국어 텍스트", "한국어", "ภาษาไทย", "हिन्दी में", "العربية نص", "עברית", "Ελληνικά", "tiếng Việt", "中文字符，标点！",
    "😀", "😀😃 cat 🐱", "👨‍👩‍👧‍👦 family", "🏳️‍🌈 flag", "🇩🇪🇫🇷", "👍🏽", "a😀b", "❤️ ♥ ★ ☆", "™ © ® ° ½ ² ³ ① Ⅷ ⅷ Ⓐ ⓐ", "٣٤٥ ४५६ ４５６", "ﬁ ﬂ ligature ﬃ",
    "ＦＵＬＬＷＩＤＴＨ ｆｕｌｌ", "𝕳𝖊𝖑𝖑𝖔 𝟘𝟙", "Ǆ ǅ ǆ", "ŉ ŀ", "a\u0300\u0301\u0302", "\u0301alone", "e\u0301\u0323 \u1ec7", "ÅÅ Å", "Ω Ω K K", "→ ← ↑ ∑ ∫ √ ∞ ≠", "— – ‒ ― …",
    "\u202eright to left\u202c", "soft\u00adhyphen", "ꙮ 𐍈 𓀀", "ʼn ʹ ˈ", "ª º", "\u2160 \u216b \u3007", "¼ ⅓", "x² + y₂", "\U0001F9D1\U0001F3FB", "Ꭰ ꭰ Ᏸ", "Ⴀ ⴀ ა Ა", "ᲀ",
]


def made_up(count):
    draw = random.Random(11)
    words = (
        "a an the red blue green big small old young cat dog car house tree castle robot dragon portrait landscape of in on with "
        "by oil painting watercolor photo photorealistic 8k uhd cinematic lighting bokeh sunset forest mountain sea zorbi blueprint "
        "supercalifragilistic anime manga style hdr octane render trending artstation Greg's don't it's knight's 35mm f/1.8 ISO100"
    ).split()
    glue = [" ", ", ", ". ", "-", "  ", " | ", ",", " & ", "_", "/", "\n", "; "]
    marks = ["", "", "", "!", "?", "...", ")", "(", ":1.2", "™", "é", "ß", "ñ", "😀", "字", "'s", "7", "42", "Σ"]
    case = [str, str, str, str.upper, str.title, str.swapcase]
    for i in range(count):
        length = draw.choice([1, 2, 3, 5, 8, 13, 30])
        yield "".join(draw.choice(case)(draw.choice(words)) + draw.choice(marks) + draw.choice(glue) for _ in range(length))


def noise(count):
    draw = random.Random(12)
    pools = [(0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x52F), (0x2000, 0x206F), (0x2100, 0x22FF), (0x3040, 0x30FF), (0xAC00, 0xAD00), (0x1F300, 0x1F6FF)]
    for i in range(count):
        yield "".join(chr(draw.randint(*draw.choice(pools))) for _ in range(draw.randint(1, 16)))


def main():
    tokenizer = CLIPTokenizer.from_pretrained(ROOT / "pretrained/pocket/tokenizer")
    texts = list(dict.fromkeys([*PLAIN, *UNICODE, *made_up(240), *noise(160)]))
    out = []
    for text in texts:
        ids = tokenizer(text, padding="max_length", truncation=True, max_length=tokenizer.model_max_length).input_ids
        assert len(ids) == tokenizer.model_max_length and ids[0] == tokenizer.bos_token_id
        while len(ids) > 1 and ids[-1] == ids[-2] == tokenizer.pad_token_id:
            ids.pop()
        out.append([text, ids[1:]])
    path = ROOT / "test/golden/data/tokenizer.json"
    path.write_text(json.dumps(out, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size, len(out))


main()
