"""Linear systems on trees: a time step or the steady state of branched cables."""

from __future__ import annotations

from engrain import _kernels
from engrain.base.arrays import F64Array, I32Array


def solve_cable(parent: I32Array, axial: F64Array, diagonal: F64Array, rhs: F64Array) -> F64Array:
    """Solve a symmetric system whose graph is a tree, in place and in linear time.

    ``diagonal[i] v[i] - axial[i] v[parent[i]] - sum_{j: parent[j] = i} axial[j] v[j] = rhs[i]``,
    by elimination from the leaves: Hines, Int. J. Biomed. Comput. 15 (1984) 69-76.

    Parameters
    ----------
    parent : ndarray of int32, shape (nodes,)
        ``parent[i] < i``; that of node 0 is not read.
    axial : ndarray of float64, shape (nodes,)
    diagonal : ndarray of float64, shape (nodes, cells)
        Overwritten.
    rhs : ndarray of float64, shape (nodes, cells)
        Becomes the solution.

    Returns
    -------
    ndarray of float64, shape (nodes, cells)
        `rhs`.

    Raises
    ------
    TypeError, ValueError
        Wrong dtype, layout or shape, or a parent that does not come before its child.
    """
    _kernels.solve_cable(parent, axial, diagonal, rhs)
    return rhs
