"""The random streams of src/engine/tensor/random.ts, written again from its documentation (Philox4x32-10, Salmon et al. 2011)."""
import math


def _philox(counter, key):
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k1, a & 0xFFFFFFFF]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c


class Stream:
    def __init__(self, seed, purpose, step=0, sample=0):
        h = 0x811C9DC5
        for ch in purpose:
            h = ((h ^ ord(ch)) * 0x01000193) & 0xFFFFFFFF
        self.key = (seed & 0xFFFFFFFF, h ^ (seed >> 32))
        self.place, self.block, self.words, self.spare = (step >> 32, step & 0xFFFFFFFF, sample), 0, [], None

    def _word(self):
        if not self.words:
            high, low, sample = self.place
            self.words = _philox((self.block, high, low, sample), self.key)
            self.block += 1
        return self.words.pop()

    def uniform(self):
        high = self._word() >> 5
        return (high * 2**26 + (self._word() >> 6)) / 2**53

    def normal(self):
        if self.spare is not None:
            value, self.spare = self.spare, None
            return value
        radius, angle = math.sqrt(-2 * math.log(1 - self.uniform())), 2 * math.pi * self.uniform()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)

    def integer(self, bound):
        return int(self.uniform() * bound)
