"""The predictive network: two causal 4-D convolutions with biological nonlinearity, a readout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engrain.fabric.conv4d import Conv4D
from engrain.fabric.nonlinearity import BiologicalNonlinearity

# He weights times this keep the variance of activity through tanh, refractoriness and borders.
GAIN = 1.25


class Block(nn.Module):
    """A causal 3^4 convolution followed by the biological nonlinearity.

    Parameters
    ----------
    in_channels, out_channels : int
    generator : torch.Generator
    """

    def __init__(self, in_channels: int, out_channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.convolution = Conv4D(
            in_channels, out_channels, causal=True, layout="channels_first", generator=generator
        )
        with torch.no_grad():
            self.convolution.weight.mul_(GAIN)
        self.nonlinearity = BiologicalNonlinearity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, in, x, y, z, t) to (batch, out, x, y, z, t); no output sees a later time."""
        out: Tensor = self.nonlinearity(self.convolution(x))
        return out


class PredictiveNetwork(nn.Module):
    """Predicts the change to the next frame from the frames so far.

    Parameters
    ----------
    channels : int
        Hidden channels.
    generator : torch.Generator
        Of the initial weights.
    """

    def __init__(self, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        readout = Conv4D(
            channels, 1, kernel_size=1, causal=True, layout="channels_first", generator=generator
        )
        # The first predictions should be near to persistence.
        with torch.no_grad():
            readout.weight.mul_(0.1)
        self.layers = nn.ModuleList(
            [Block(1, channels, generator), Block(channels, channels, generator), readout]
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the predicted change after each frame, shape of `x`: (batch, 1, x, y, z, t)."""
        for layer in self.layers:
            x = layer(x)
        return x
