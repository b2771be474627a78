"""Small ICC profiles written from the specification (ICC.1:2001-04), for golden pictures: matrix, grey and CMYK table profiles."""

import struct

import numpy as np

D50 = (0.9642, 1.0, 0.8249)


def fixed(x):
    return struct.pack(">i", round(x * 65536))


def xyz(values):
    return b"XYZ \0\0\0\0" + b"".join(fixed(v) for v in values)


def gamma(exponent):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))


def text(value):
    return b"text\0\0\0\0" + value.encode() + b"\0"


def description(value):
    data = value.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(data)) + data + bytes(4 + 4 + 2 + 1 + 67)


def profile(device, space, connection, tags):
    tags = {"desc": description("made for a test"), "cprt": text("none"), "wtpt": xyz(D50), **tags}
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name.encode() + struct.pack(">II", offset + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = offset + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"none", 0x02400000, device, space, connection)
    header += struct.pack(">6H4s4s", 2026, 1, 1, 0, 0, 0, b"acsp", b"none").ljust(44, b"\0")
    header += b"".join(fixed(v) for v in D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def to_d50(matrix, white):
    """Bradford adaptation of RGB → XYZ from a white point to D50."""
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    scale = np.diag((bradford @ np.array(D50)) / (bradford @ white))
    return np.linalg.inv(bradford) @ scale @ bradford @ matrix


def rgb(primaries, white, exponent):
    """A display with these chromaticities and this gamma."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white_xyz = np.array([white[0] / white[1], 1, (1 - white[0] - white[1]) / white[1]])
    matrix = to_d50(columns * np.linalg.solve(columns, white_xyz), white_xyz)
    names = zip("rgb", matrix.T)
    tags = {f"{c}XYZ": xyz(column) for c, column in names} | {f"{c}TRC": gamma(exponent) for c in "rgb"}
    return profile(b"mntr", b"RGB ", b"XYZ ", tags)


D65 = (0.3127, 0.3290)


def display_p3():
    """Display P3's primaries; its curve is near gamma 2.2."""
    return rgb([(0.680, 0.320), (0.265, 0.690), (0.150, 0.060)], D65, 2.2)


def adobe_rgb():
    return rgb([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], D65, 2.19921875)


def grey(exponent):
    return profile(b"mntr", b"GRAY", b"XYZ ", {"kTRC": gamma(exponent)})


def lab(linear):
    """Linear sRGB → Lab under D50, as bytes of an 8-bit table."""
    to_xyz = to_d50(np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]), np.array([0.9505, 1, 1.089]))
    t = (to_xyz @ linear) / np.array(D50)
    f = np.where(t > (6 / 29) ** 3, np.cbrt(np.maximum(t, 0)), t / (3 * (6 / 29) ** 2) + 4 / 29)
    values = [(116 * f[1] - 16) * 2.55, 500 * (f[0] - f[1]) + 128, 200 * (f[1] - f[2]) + 128]
    return [int(np.clip(round(v), 0, 255)) for v in values]


def cmyk(grid=5):
    """A press whose inks take away light, cyan some of the green, too: CMYK → Lab by a table (lut8Type)."""
    inks = np.array([[0.08, 0.45, 0.75], [0.80, 0.06, 0.30], [0.95, 0.85, 0.04], [0.03, 0.03, 0.03]])
    table = bytearray()
    for c in range(grid):
        for m in range(grid):
            for y in range(grid):
                for k in range(grid):
                    share = np.array([c, m, y, k])[:, None] / (grid - 1)
                    table += bytes(lab(np.prod(1 - share * (1 - inks), axis=0)))
    ramp = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes([4, 3, grid, 0]) + b"".join(fixed(v) for v in [1, 0, 0, 0, 1, 0, 0, 0, 1])
    return profile(b"prtr", b"CMYK", b"Lab ", {"A2B0": head + ramp * 4 + bytes(table) + ramp * 3})
