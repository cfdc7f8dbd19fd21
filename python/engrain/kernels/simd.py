"""Which instruction set the kernels use."""

from __future__ import annotations

from engrain import _kernels

LEVELS = ("baseline", "avx2", "avx512")


def simd_level() -> str:
    """Return the level in use; the environment variable ENGRAIN_SIMD lowers it at start."""
    return LEVELS[_kernels.simd_level()]


def set_simd_level(level: str) -> str:
    """Use `level`, or the best the CPU has where that is lower; return the level in use.

    For tests and benchmarks: results are equal bit for bit at every level.
    """
    return LEVELS[_kernels.set_simd_level(LEVELS.index(level))]
