"""Draws that test/support/ makes too: whole numbers that are a pure function of seed and position."""


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
