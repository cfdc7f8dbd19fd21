from __future__ import annotations

import numpy as np

from engrain import kernels
from engrain.kernels import reference


class UpdateLora:
    """One step of a rank-2 adapter from Python, beside torch in place and autograd + SGD."""

    params = [384, 1024, 4096]
    param_names = ["dim"]
    comparisons = {
        "time_update_lora": ["time_torch_in_place", "time_torch_autograd_sgd"],
        "time_apply_lora": [],
        "time_update_lora_batch_of_one": ["time_torch_in_place"],
    }

    def setup(self, dim):
        import torch

        torch.set_num_threads(1)
        rng = np.random.default_rng(0)
        self.lora = kernels.MicroLoRA(dim, rank=2, learning_rate=1e-3, decay=0.9999)
        self.x = (rng.standard_normal(dim) / np.sqrt(dim)).astype(np.float32)
        self.g = (rng.standard_normal(dim) / np.sqrt(dim)).astype(np.float32)
        self.lora.update(self.x, self.g)
        self.out = np.empty_like(self.x)
        self.a, self.b = self.lora.a[None].copy(), self.lora.b[None].copy()
        self.tx, self.tg = torch.from_numpy(self.x), torch.from_numpy(self.g)
        self.ta, self.tb = torch.from_numpy(self.a[0].copy()), torch.from_numpy(self.b[0].copy())
        self.pa = self.ta.clone().requires_grad_()
        self.pb = self.tb.clone().requires_grad_()
        self.sgd = torch.optim.SGD([self.pa, self.pb], lr=1e-6)

    def floor(self, dim, machine):
        return machine.call + machine.stream(10 * 4 * dim)

    def time_update_lora(self, dim):
        self.lora.update(self.x, self.g)

    def time_apply_lora(self, dim):
        self.lora.apply(self.x, self.out)

    def time_update_lora_batch_of_one(self, dim):
        kernels.update_lora(self.a, self.b, self.x[None], self.g[None], learning_rate=1e-3)

    def time_torch_in_place(self, dim):
        z, w = self.ta.mv(self.tx), self.tb.mv(self.tg)
        self.tb.addr_(z, self.tg, alpha=-1e-6)
        self.ta.addr_(w, self.tx, alpha=-1e-6)

    def time_torch_autograd_sgd(self, dim):
        self.sgd.zero_grad()
        (self.tx + (self.pa @ self.tx) @ self.pb).backward(self.tg)
        self.sgd.step()


class UpdateLoraBesideAutograd(UpdateLora):
    """The same step, beside torch's graph and optimiser."""

    comparisons = {"time_update_lora": ["time_torch_autograd_sgd"]}


class Study:
    """A thousand lessons of the ranking loss in one call, beside NumPy."""

    comparisons = {"time_study": ["time_numpy"]}

    def setup(self):
        rng = np.random.default_rng(0)
        lessons = rng.standard_normal((2, 1000, 384)) / np.sqrt(384)
        self.x, self.towards = lessons.astype(np.float32)
        self.advantages = rng.uniform(-0.5, 0.5, 1000).astype(np.float32)
        self.lora, self.places = kernels.MicroLoRA(384), np.arange(1000)

    def time_study(self):
        self.lora.study(self.x, self.towards, self.advantages, self.places)

    def time_numpy(self):
        a, b = self.lora.a, self.lora.b
        for x, towards, advantage in zip(self.x, self.towards, self.advantages, strict=True):
            a, b = reference.follow_lora(a, b, x, towards, advantage, learning_rate=0.1)


class LoraQuality:
    """Share of adapters that move the right way on the query they were trained on."""

    def track_right_direction(self):
        right = 0
        for seed in range(400):
            rng = np.random.default_rng(seed)
            x, g = rng.standard_normal((2, 256)).astype(np.float32)
            lora = kernels.MicroLoRA(256, seed=seed)
            lora.update(x, g)
            right += float((lora.apply(x) - x) @ g) < 0
        return right / 400
