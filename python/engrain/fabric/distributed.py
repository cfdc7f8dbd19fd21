"""Training by several processes that each see their own data (torch.distributed, gloo)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import nn


def in_group() -> bool:
    """Return whether this process belongs to an initialised process group of several."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def share_parameters(module: nn.Module) -> None:
    """Give every process the parameters and buffers of the first one."""
    if in_group():
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, src=0)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes, in one message."""
    if not in_group():
        return
    held = [p for p in parameters if p.grad is not None]
    flat = torch.cat([p.grad.reshape(-1) for p in held if p.grad is not None])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for parameter in held:
        end = start + parameter.numel()
        parameter.grad = flat[start:end].view_as(parameter).clone()
        start = end
