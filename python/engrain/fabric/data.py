"""4-D data: moving synthetic patterns, and real volumes over time."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engrain.base.arrays import F32Array
from engrain.base.errors import ConfigError, ShapeError, StorageError


class SyntheticMotion:
    """Batches of Gaussian blobs that move and bounce in a box: synthetic data, the same each pass.

    Iterating yields tensors of shape (batch, x, y, z, time, 1) in float32.

    Parameters
    ----------
    batch_size, num_batches, time_steps : int
    spatial_dims : tuple of 3 int
    blobs : int
        Per sequence.
    seed : int
    """

    def __init__(
        self,
        batch_size: int,
        spatial_dims: tuple[int, int, int],
        num_batches: int,
        time_steps: int = 16,
        blobs: int = 2,
        seed: int = 0,
    ) -> None:
        if min(batch_size, num_batches, time_steps, blobs, *spatial_dims) < 1:
            raise ConfigError("batch_size, num_batches, time_steps, blobs and extents must be >= 1")
        self.batch_size, self.num_batches, self.time_steps = batch_size, num_batches, time_steps
        self.spatial_dims, self.blobs, self.seed = tuple(spatial_dims), blobs, seed

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[Tensor]:
        for batch in range(self.num_batches):
            rng = np.random.default_rng([self.seed, batch])
            sequences = [self._sequence(rng) for _ in range(self.batch_size)]
            yield torch.from_numpy(np.stack(sequences))[..., None]

    def _sequence(self, rng: np.random.Generator) -> F32Array:
        extents = np.array(self.spatial_dims, dtype=float)
        start = rng.uniform(0, 1, (self.blobs, 3)) * (extents - 1)
        speed = rng.uniform(-1, 1, (self.blobs, 3)) * np.minimum(1.5, extents / 6)
        width = rng.uniform(0.1, 0.2, (self.blobs, 3)) * extents + 0.5
        volume = np.zeros((*self.spatial_dims, self.time_steps), dtype=np.float32)
        times = np.arange(self.time_steps)
        for b in range(self.blobs):
            profiles = []
            for axis, extent in enumerate(self.spatial_dims):
                at = _bounce(start[b, axis] + speed[b, axis] * times, extent - 1)
                grid = np.arange(extent)[:, None]
                profiles.append(np.exp(-(((grid - at) / width[b, axis]) ** 2) / 2))
            volume += np.einsum("xt,yt,zt->xyzt", *profiles, optimize=True).astype(np.float32)
        return volume


def _bounce(position: np.ndarray, length: float) -> np.ndarray:
    if length <= 0:
        return np.zeros_like(position)
    folded = np.mod(position, 2 * length)
    return np.asarray(np.minimum(folded, 2 * length - folded))


def create_synthetic_data(
    batch_size: int = 8,
    spatial_dims: tuple[int, int, int] = (13, 13, 64),
    num_batches: int = 100,
    time_steps: int = 16,
    seed: int = 0,
) -> SyntheticMotion:
    """Return a re-iterable loader of synthetic moving patterns; see `SyntheticMotion`."""
    return SyntheticMotion(batch_size, spatial_dims, num_batches, time_steps, seed=seed)


def load_volumes(path: str | Path, key: str | None = None) -> F32Array:
    """Return a 4-D array (x, y, z, time) from an .npz, .npy, .nii or .nii.gz file.

    Parameters
    ----------
    path : str or Path
    key : str, optional
        Array of an .npz file; by default the first of four dimensions.

    Raises
    ------
    StorageError
        Not such a file, or damaged.
    ShapeError
        No array of four dimensions.
    """
    path = Path(path)
    if path.name.endswith((".nii", ".nii.gz")):
        return read_nifti(path)
    with np.load(path, allow_pickle=False) as file:
        if isinstance(file, np.ndarray):
            found = [file]
        else:
            found = [file[k] for k in ([key] if key else file.files)]
        volumes = [a for a in found if a.ndim == 4]
    if not volumes:
        raise ShapeError(f"{path.name}: holds no array of four dimensions (x, y, z, time)")
    return np.ascontiguousarray(volumes[0], dtype=np.float32)


_NIFTI_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}


def read_nifti(path: str | Path) -> F32Array:
    """Return the scaled 4-D image of a NIfTI-1 file (.nii, .nii.gz).

    Raises
    ------
    StorageError
        Not a single-file NIfTI-1 image of a real number type, or shorter than it says.
    ShapeError
        Not four-dimensional.
    """
    path = Path(path)
    raw = gzip.decompress(path.read_bytes()) if path.name.endswith(".gz") else path.read_bytes()
    if len(raw) < 352 or raw[344:347] != b"n+1":
        raise StorageError(f"{path.name}: not a single-file NIfTI-1 image")
    order = "<" if struct.unpack_from("<i", raw)[0] == 348 else ">"
    dims = struct.unpack_from(f"{order}8h", raw, 40)
    code = struct.unpack_from(f"{order}h", raw, 70)[0]
    offset, slope, intercept = struct.unpack_from(f"{order}3f", raw, 108)
    if code not in _NIFTI_TYPES:
        raise StorageError(f"{path.name}: number type {code} is not supported")
    if dims[0] != 4:
        raise ShapeError(f"{path.name}: has {dims[0]} dimensions, expected (x, y, z, time)")
    dtype = np.dtype(order + _NIFTI_TYPES[code])
    shape, count = dims[1:5], int(np.prod(dims[1:5]))
    if len(raw) < int(offset) + count * dtype.itemsize:
        raise StorageError(f"{path.name}: is shorter than its header says")
    image = np.frombuffer(raw, dtype, count, int(offset)).reshape(shape, order="F")
    scaled = image.astype(np.float64) * (slope or 1.0) + (intercept if slope else 0.0)
    return np.ascontiguousarray(scaled, dtype=np.float32)


def standardise(volumes: F32Array) -> F32Array:
    """Return the array with mean 0 and standard deviation 1 over everything."""
    spread = float(volumes.std())
    return np.asarray((volumes - volumes.mean()) / (spread or 1.0), dtype=np.float32)


def windows(volumes: F32Array, time_steps: int, stride: int = 1) -> Tensor:
    """Return the windows of a series as a batch, shape (windows, x, y, z, time_steps, 1).

    Raises
    ------
    ShapeError
        The series is shorter than a window.
    """
    frames = volumes.shape[-1]
    if volumes.ndim != 4 or frames < time_steps:
        raise ShapeError(
            f"expected (x, y, z, time) with at least {time_steps} frames, got {volumes.shape}"
        )
    starts = range(0, frames - time_steps + 1, stride)
    return torch.from_numpy(np.stack([volumes[..., s : s + time_steps] for s in starts])[..., None])
