"""What both training stages share: states that survive a crash, pauses, averaged weights."""
import os
import time

import torch


def save(path, **values):
    """Writes beside the old state and then replaces it, so that there is a whole one at any time."""
    fresh = path.with_suffix(".tmp")
    torch.save(values, fresh)
    os.replace(fresh, path)


def load(path):
    return torch.load(path) if path.exists() else None


def wait_while_paused(folder):
    while (folder / "PAUSE").exists():
        time.sleep(0.5)


class Average:
    """An exponential moving average of the weights of some modules."""

    def __init__(self, modules, limit):
        self.modules, self.limit = modules, limit
        self.values = {name: {key: x.detach().clone() for key, x in m.state_dict().items()} for name, m in modules.items()}

    @torch.no_grad()
    def update(self, step):
        share = 1 - min(self.limit, (2 + step) / (11 + step))
        for name, module in self.modules.items():
            ours = self.values[name]
            pairs = [(ours[key], x) for key, x in module.state_dict().items() if x.is_floating_point()]
            torch._foreach_lerp_([a for a, _ in pairs], [b for _, b in pairs], share)
