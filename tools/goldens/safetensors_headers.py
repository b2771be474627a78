"""What the safetensors library decides about every file of test/support/safetensors-corpus.ts.

    python tools/goldens/safetensors_headers.py     writes test/golden/data/safetensors-headers.json

`accepted` is one bit a file. `digests` has a hash for every thousand files over all that the library read of those that it
accepted: names, types, shapes, data, metadata. `stricter` are the files that the library accepts and ours must not:
a tensor named twice (the format forbids it; the library drops one) and sizes that a JavaScript number cannot hold
(only tensors without elements can have them). Their digests are left out. `written` are hashes of files that the library
wrote; it puts metadata in no fixed order, so each has one entry at most.
"""
import base64
import ctypes
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

import safetensors

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
BLOCK = 1000
LARGEST = 2**53 - 1


def corpus():
    node = os.environ.get("NODE", "node")
    script = os.path.join("test", "support", "safetensors-corpus.ts")
    data = subprocess.run([node, script], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        yield data[at + 4 : at + 4 + length]
        at += 4 + length


def read(path, file):
    """All that the library reads, or None where it refuses; from memory and from disk it must be the same."""
    try:
        tensors = safetensors.deserialize(file)
    except safetensors.SafetensorError:
        tensors = None
    with open(path, "wb") as out:
        out.write(file)
    try:
        with safetensors.safe_open(path, framework="np") as opened:
            metadata, keys = opened.metadata(), list(opened.keys())
    except safetensors.SafetensorError:
        assert tensors is None, file
        return None
    assert tensors is not None and sorted(keys) == sorted(name for name, _ in tensors), file
    rows = [[name, one["dtype"], one["shape"], bytes(one["data"]).hex()] for name, one in tensors]
    entries = sorted((metadata or {}).items(), key=lambda entry: entry[0].encode())
    return [sorted(rows, key=lambda row: row[0].encode()), [list(entry) for entry in entries]]


def stricter(file, result):
    """Why ours refuses a file that the library accepts, or None."""
    (length,) = struct.unpack_from("<Q", file)
    names = []

    def pairs(members):
        names.append([name for name, _ in members])
        return dict(members)

    json.loads(file[8 : 8 + length], object_pairs_hook=pairs)
    if len(set(names[-1])) < len(names[-1]):
        return "FORMAT_DUPLICATE"
    if any(size > LARGEST for _, _, shape, _ in result[0] for size in shape):
        return "FORMAT_SHAPE"
    return None


def padding(name, count):
    """Data of a tensor."""
    return bytes((31 * i + len(name.encode())) & 255 for i in range(count))


TYPES = {
    "bool": 1, "uint8": 1, "int8": 1, "float8_e5m2": 1, "float8_e4m3fn": 1, "float8_e8m0fnu": 1, "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "uint32": 4, "float32": 4,
    "complex64": 8, "float64": 8, "int64": 8, "uint64": 8,
}  # fmt: skip
NAMES = [
    "a", "B", "10", "9", "é", "名前", "😀", "\uffff", "__proto__", "constructor", "", 'a"b\\c', "a/b", "line\nbreak", "\x7f",
    "\x01", "lora_unet_mid.alpha", "lora_unet_mid.lora_up.weight", "\u2028", "a b",
]  # fmt: skip


def written():
    """Files of random tensors: what they hold, and the hash of what the library makes of it."""
    draw = random.Random(5)
    for _ in range(60):
        names = draw.sample(NAMES, draw.randint(0, len(NAMES)))
        specs = [(name, draw.choice(list(TYPES)), [draw.randint(0, 4) for _ in range(draw.randint(0, 3))]) for name in names]
        metadata = draw.choice([None, {}, {draw.choice(NAMES): draw.choice(NAMES)}])
        if not names and not metadata:
            metadata = None  # for neither tensors nor metadata the library writes `{},"__metadata__":{}}`
        tensors, kept = {}, []
        for name, dtype, shape in specs:
            count = TYPES[dtype]
            for size in shape:
                count *= size
            data = ctypes.create_string_buffer(padding(name, count), max(count, 1))
            kept.append(data)
            tensors[name] = safetensors.TensorSpec(
                dtype=dtype, shape=shape, data_ptr=ctypes.addressof(data), data_len=count
            )
        file = safetensors.serialize(tensors, metadata)
        rows = [[name, tensors[name].dtype, shape] for name, _, shape in specs]
        yield {"tensors": rows, "metadata": metadata, "sha256": hashlib.sha256(file).hexdigest()}


def main():
    accepted, exceptions, digests = [], {}, []
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.safetensors")
        for number, file in enumerate(corpus()):
            if number % BLOCK == 0:
                digests.append(hashlib.sha256())
            result = read(path, file)
            accepted.append(result is not None)
            if result is None:
                continue
            why = stricter(file, result)
            if why:
                exceptions[number] = why
                continue
            text = json.dumps(result, ensure_ascii=False, separators=(",", ":"))
            digests[-1].update(text.encode())
    packed = bytearray((len(accepted) + 7) // 8)
    for number, bit in enumerate(accepted):
        packed[number // 8] |= bit << (number % 8)
    golden = {
        "library": f"safetensors {safetensors.__version__}",
        "files": len(accepted),
        "accepted": base64.b64encode(packed).decode(),
        "stricter": exceptions,
        "written": list(written()),
        "digests": [digest.hexdigest()[:16] for digest in digests],
    }
    with open(os.path.join(ROOT, "test", "golden", "data", "safetensors-headers.json"), "w") as out:
        json.dump(golden, out, ensure_ascii=True, separators=(",", ":"))
        out.write("\n")
    print(f"{sum(accepted)} of {len(accepted)} accepted, {len(exceptions)} of them refused by ours", file=sys.stderr)


if __name__ == "__main__":
    main()
