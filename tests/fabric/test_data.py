from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from engrain.base.errors import ConfigError, ShapeError, StorageError
from engrain.fabric.data import (
    create_synthetic_data,
    load_volumes,
    read_nifti,
    standardise,
    windows,
)


def test_synthetic_data_move_and_are_the_same_each_pass() -> None:
    loader = create_synthetic_data(2, (6, 5, 8), 3, time_steps=7)
    first, second = list(loader), list(loader)
    assert len(loader) == len(first) == 3
    assert first[0].shape == (2, 6, 5, 8, 7, 1)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[1])
    assert first[0].diff(dim=4).abs().mean() > 1e-3
    with pytest.raises(ConfigError):
        create_synthetic_data(0, (2, 2, 2), 1)


def nifti(image: np.ndarray, code: int, order: str = "<") -> bytes:
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, image.ndim, *image.shape, *[1] * (7 - image.ndim))
    struct.pack_into(f"{order}h", header, 70, code)
    struct.pack_into(f"{order}3f", header, 108, 352, 2.0, -1.0)
    header[344:348] = b"n+1\0"
    return bytes(header) + image.astype(np.dtype(order + image.dtype.str[1:])).tobytes(order="F")


@pytest.mark.parametrize("order", ["<", ">"])
def test_nifti_files_of_both_byte_orders_are_scaled(tmp_path: Path, order: str) -> None:
    image = np.arange(2 * 3 * 4 * 5, dtype=np.int16).reshape(2, 3, 4, 5)
    (tmp_path / "a.nii").write_bytes(nifti(image, 4, order))
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(nifti(image, 4, order)))
    for name in ("a.nii", "b.nii.gz"):
        assert np.array_equal(load_volumes(tmp_path / name), 2.0 * image - 1)


def test_damaged_images_are_refused(tmp_path: Path) -> None:
    image = np.zeros((2, 3, 4, 5), dtype=np.int16)
    whole = nifti(image, 4)
    for body, error in (
        (whole[:-1], StorageError),
        (b"nothing", StorageError),
        (nifti(image, 32), StorageError),
        (nifti(image[..., 0], 4), ShapeError),
    ):
        path = tmp_path / "x.nii"
        path.write_bytes(body)
        with pytest.raises(error):
            read_nifti(path)


def test_arrays_of_npz_files_become_windows(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(5, 3, (3, 4, 5, 9))
    np.savez(tmp_path / "x.npz", x=x, other=np.zeros(3))
    volumes = standardise(load_volumes(tmp_path / "x.npz"))
    assert volumes.mean() == pytest.approx(0, abs=1e-5)
    batch = windows(volumes, 6, stride=3)
    assert batch.shape == (2, 3, 4, 5, 6, 1)
    assert np.array_equal(batch[1, ..., 0], volumes[..., 3:])
    with pytest.raises(ShapeError, match="10 frames"):
        windows(volumes, 10)
    np.savez(tmp_path / "y.npz", other=np.zeros(3))
    with pytest.raises(ShapeError):
        load_volumes(tmp_path / "y.npz")
