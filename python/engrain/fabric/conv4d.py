"""4-D convolution layers over (x, y, z, t), dense and separable, and synaptic fatigue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from engrain.base.errors import ConfigError, ShapeError
from engrain.fabric.conv4d_op import conv4d
from engrain.kernels.conv4d import Conv4dSpec, as_four

Layout = Literal["channels_last", "channels_first"]


def he_normal_(weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Fill with N(0, 2 / fan_in) (He et al., ICCV 2015), in place."""
    fan_in = math.prod(weight.shape[1:])
    with torch.no_grad():
        return weight.normal_(0.0, math.sqrt(2.0 / fan_in), generator=generator)


class Conv4D(nn.Module):
    """4-D convolution of spatio-temporal volumes.

    ``out[n, p, o] = bias[o] + sum_{c, k} weight[o, c, k] x[n, q, c]`` with
    ``q = p * stride + k * dilation - padding`` and p, q and k over (x, y, z, t).

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or 4 int
    stride, dilation : int or 4 int
    padding : int, 4 int or "same"
        "same" keeps the extents for odd kernels at stride 1.
    groups : int
    bias : bool
    causal : bool
        No output sees a later time: padding of t goes before its start.
    layout : {"channels_last", "channels_first"}
        Of input and output: (batch, x, y, z, t, channel) or (batch, channel, x, y, z, t).
    generator : torch.Generator, optional
        For the He initialisation.

    Raises
    ------
    ConfigError
        An argument out of range.
    ShapeError
        An input of the wrong rank or number of channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int] = 3,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | Literal["same"] = "same",
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        causal: bool = False,
        layout: Layout = "channels_last",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ConfigError(
                f"groups: {groups} must divide in_channels {in_channels} and out_channels "
                f"{out_channels}"
            )
        if layout not in ("channels_last", "channels_first"):
            raise ConfigError(f"layout: expected channels_last or channels_first, got {layout!r}")
        self.kernel_size = as_four(kernel_size, "kernel_size", 1)
        self.layout = layout
        spread = as_four(dilation, "dilation", 1)
        if padding == "same":
            padding = [d * (k - 1) // 2 for d, k in zip(spread, self.kernel_size, strict=True)]
        self.spec = Conv4dSpec(
            as_four(stride, "stride", 1), as_four(padding, "padding", 0), spread, groups, causal
        )
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = nn.Parameter(he_normal_(torch.empty(shape), generator))
        self.bias = nn.Parameter(torch.zeros(out_channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `x`, shape as `layout` says."""
        if self.layout == "channels_last":
            if x.ndim == 6:
                x = x.movedim(-1, 1)
            return self._convolve(x).movedim(1, -1)
        return self._convolve(x)

    def _convolve(self, x: Tensor) -> Tensor:
        channels = self.weight.shape[1] * self.spec.groups
        if x.ndim != 6 or x.shape[1] != channels:
            raise ShapeError(
                f"Conv4D with {self.layout}: expected 6 dimensions and {channels} channels, got "
                f"channels-first shape {tuple(x.shape)}"
            )
        return conv4d(x, self.weight, self.bias, self.spec)

    def extra_repr(self) -> str:
        """Describe the layer for ``print(module)``."""
        out, per_group = self.weight.shape[:2]
        return f"{per_group * self.spec.groups}, {out}, kernel_size={self.kernel_size}, {self.spec}"


class SeparableConv4D(nn.Module):
    """A spatial k^3 convolution followed by a temporal k^1 one.

    (2+1)-D factorisation of Tran et al., CVPR 2018, one dimension up: (k^3 + k) in place of k^4
    multiplications per pair of channels.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int
    causal : bool
    layout : {"channels_last", "channels_first"}
    generator : torch.Generator, optional
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        causal: bool = False,
        layout: Layout = "channels_last",
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        k = kernel_size
        self.spatial = Conv4D(
            in_channels, out_channels, (k, k, k, 1), bias=False, layout=layout, generator=generator
        )
        self.temporal = Conv4D(
            out_channels,
            out_channels,
            (1, 1, 1, k),
            causal=causal,
            layout=layout,
            generator=generator,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve `x` over space, then over time."""
        out: Tensor = self.temporal(self.spatial(x))
        return out


class Fatigue(nn.Module):
    """Activity-dependent damping of channels that recovers with time.

    Per channel: ``y = x (1 - a)`` and, after each call in training,
    ``a <- clip(a exp(-dt / tau) + rate mean|y|, 0, ceiling)``. The mean runs over the whole batch,
    so the order of its samples does not matter; inference changes nothing.

    Parameters
    ----------
    channels : int
    rate : float
        Fatigue per unit of mean activity and call.
    tau : float
        Recovery time constant, in the unit of `dt`.
    ceiling : float
        Largest damping, in [0, 1).
    channel_axis : int
    """

    level: Tensor

    def __init__(
        self,
        channels: int,
        rate: float = 0.01,
        tau: float = 100.0,
        ceiling: float = 0.5,
        channel_axis: int = 1,
    ) -> None:
        super().__init__()
        if not (rate >= 0 and tau > 0 and 0 <= ceiling < 1):
            raise ConfigError(
                f"fatigue: expected rate >= 0, tau > 0 and 0 <= ceiling < 1, got {rate}, {tau}, "
                f"{ceiling}"
            )
        self.rate, self.tau, self.ceiling, self.channel_axis = rate, tau, ceiling, channel_axis
        self.register_buffer("level", torch.zeros(channels))

    def forward(self, x: Tensor, dt: float = 1.0) -> Tensor:
        """Damp `x`; in training also tire by its activity and recover by `dt`."""
        axis = self.channel_axis % x.ndim
        view = [1] * x.ndim
        view[axis] = -1
        out = x * (1 - self.level.view(view).to(x.dtype))
        if self.training:
            with torch.no_grad():
                others = [i for i in range(x.ndim) if i != axis]
                activity = out.detach().abs().mean(others, dtype=self.level.dtype)
                rested = self.level * math.exp(-dt / self.tau)
                self.level.copy_((rested + self.rate * activity).clamp(0, self.ceiling))
        return out
