from __future__ import annotations

import time

import torch
from torch.nn import functional

from engrain.fabric.conv4d_op import conv4d
from engrain.kernels import conv4d_forward, conv4d_grad_input, conv4d_grad_weight
from engrain.kernels.conv4d import Conv4dSpec

SAME = Conv4dSpec(padding=(1, 1, 1, 1))


def frame_loop(x, weight):
    """conv3d per frame and tap of time: the pattern of the packages on GitHub."""
    frames = x.shape[-1]
    out = [None] * frames
    for k in range(3):
        for t in range(frames):
            if 0 <= t + 1 - k < frames:
                y = functional.conv3d(x[..., t].contiguous(), weight[..., k], padding=1)
                at = t + 1 - k
                out[at] = y if out[at] is None else out[at] + y
    return torch.stack(out, -1)


def folded_channels(x, weight):
    """One conv3d over volumes whose channels hold three frames."""
    n, c, *extents, frames = x.shape
    padded = functional.pad(x, (1, 1)).permute(0, 5, 1, 2, 3, 4)
    stacked = torch.cat([padded[:, k : k + frames] for k in range(3)], 2)
    stacked = stacked.reshape(n * frames, 3 * c, *extents)
    taps = torch.cat([weight[..., k] for k in range(3)], 1)
    out = functional.conv3d(stacked, taps, padding=1)
    return out.view(n, frames, -1, *extents).permute(0, 2, 3, 4, 5, 1)


class Conv4D:
    """Batch 4, 13 x 13 x 64 x 16, 3^4, one thread, beside the ways PyTorch offers."""

    params = [[(1, 8), (8, 8)]]
    param_names = ["channels"]
    comparisons = {
        "time_conv4d_forward": [
            "time_torch_frame_loop_forward",
            "time_torch_folded_channels_forward",
            "time_torch_compiled_frame_loop_forward",
        ],
        "time_conv4d_backward": ["time_torch_folded_channels_backward"],
    }

    def setup(self, channels):
        torch.set_num_threads(1)
        inputs, outputs = channels
        self.x = torch.randn(4, inputs, 13, 13, 64, 16)
        self.weight = torch.randn(outputs, inputs, 3, 3, 3, 3) * 0.05
        self.grad = torch.randn(4, outputs, 13, 13, 64, 16)
        self.arrays = self.x.numpy(), self.weight.numpy(), self.grad.numpy()
        self.compiled = torch.compile(frame_loop)
        self.time_torch_compiled_frame_loop_forward(channels)

    def time_conv4d_forward(self, channels):
        conv4d_forward(self.arrays[0], self.arrays[1], None, SAME)

    def time_conv4d_backward(self, channels):
        x, weight, grad = self.arrays
        conv4d_grad_input(grad, weight, x.shape[2:], SAME)
        conv4d_grad_weight(x, grad, weight.shape[2:], SAME)

    def time_torch_frame_loop_forward(self, channels):
        with torch.no_grad():
            frame_loop(self.x, self.weight)

    def time_torch_folded_channels_forward(self, channels):
        with torch.no_grad():
            folded_channels(self.x, self.weight)

    def time_torch_compiled_frame_loop_forward(self, channels):
        with torch.no_grad():
            self.compiled(self.x, self.weight)

    def time_torch_folded_channels_backward(self, channels):
        # Its forward is needed to build the graph; it is a tenth of the backward.
        x, weight = self.x.requires_grad_(), self.weight.requires_grad_()
        torch.autograd.grad(folded_channels(x, weight), (x, weight), self.grad)

    def track_conv4d_gflops(self, channels):
        x, weight, grad = self.arrays
        best = min(self._seconds(lambda: conv4d_forward(x, weight, None, SAME)) for _ in range(5))
        return 2 * grad.size * weight[0].size / best / 1e9

    @staticmethod
    def _seconds(call):
        start = time.perf_counter()
        call()
        return time.perf_counter() - start


class TrainingStep:
    """The medium network 1 -> 8 -> 8, batch 8, two threads: forward, gradients, update."""

    timeout = 300

    def setup(self):
        torch.set_num_threads(2)
        self.x = torch.randn(8, 1, 13, 13, 64, 16)
        self.weights = [(torch.randn(8, c, 3, 3, 3, 3) * 0.05).requires_grad_() for c in (1, 8)]

    def step(self, convolve):
        out = convolve(torch.tanh(convolve(self.x, self.weights[0])), self.weights[1])
        loss = (out[..., :-1] - self.x[..., 1:]).square().mean()
        grads = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            for weight, grad in zip(self.weights, grads, strict=True):
                weight -= 1e-3 * grad

    def time_engrain(self):
        self.step(lambda x, w: conv4d(x, w, None, SAME))

    def time_torch_folded_channels(self):
        self.step(folded_channels)
