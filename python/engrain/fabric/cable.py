"""Branched passive cables, exact to second order in the length of their compartments."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engrain.base.arrays import F64Array
from engrain.base.errors import ConfigError
from engrain.kernels.cable import solve_cable


@dataclass(frozen=True, slots=True)
class Branch:
    """A cylinder of a dendritic tree.

    Attributes
    ----------
    length, diameter : float
        um.
    parent : int or None
        Number of the branch at whose far end this one begins; None for the root.
    compartments : int
    """

    length: float
    diameter: float
    parent: int | None = None
    compartments: int = 20

    def __post_init__(self) -> None:
        if not (self.length > 0 and self.diameter > 0 and self.compartments >= 1):
            raise ConfigError(f"a branch needs length, diameter and compartments > 0, got {self}")


class DendriticCable:
    """The cable equation on a tree of cylinders, discretised in compartments with end nodes.

    ``C_m dV/dt = (d / 4 R_i) d2V/dx2 - V / R_m + I``: Rall, Exp. Neurol. 1 (1959) 491-527. V is
    the depolarisation from rest. Nodes without membrane stand at both ends of every branch, so
    that currents enter exactly there; time steps are Crank-Nicolson, solved in linear time.

    Parameters
    ----------
    branches : sequence of Branch
        Parents before children; the first is the root, its near end is node 0.
    membrane_resistance : float
        R_m in ohm cm^2.
    axial_resistance : float
        R_i in ohm cm.
    capacitance : float
        uF/cm^2.

    Attributes
    ----------
    voltage : ndarray of float64, shape (nodes,)
        mV above rest.
    """

    def __init__(
        self,
        branches: Sequence[Branch],
        membrane_resistance: float = 10_000.0,
        axial_resistance: float = 150.0,
        capacitance: float = 1.0,
    ) -> None:
        if min(membrane_resistance, axial_resistance, capacitance) <= 0 or not branches:
            raise ConfigError("a cable needs a branch, and resistances and capacitance > 0")
        self.membrane_resistance = membrane_resistance
        self.axial_resistance = axial_resistance
        parents, axial, area = [0], [0.0], [0.0]
        self.ends: list[int] = []
        for number, branch in enumerate(branches):
            if (branch.parent is None) != (number == 0) or (branch.parent or 0) > number:
                raise ConfigError(f"branch {number}: only the first has no parent before it")
            node = 0 if branch.parent is None else self.ends[branch.parent]
            step = branch.length / branch.compartments
            link = self._axial(branch.diameter, step)
            for i in range(branch.compartments + 1):
                parents.append(node)
                axial.append(link * (2 if i in (0, branch.compartments) else 1))
                area.append(math.pi * branch.diameter * step if i < branch.compartments else 0.0)
                node = len(parents) - 1
            self.ends.append(node)
        self._parent = np.array(parents, dtype=np.int32)
        self._axial_links = np.array(axial)
        # um^2 = 1e-8 cm^2: leak in uS, capacitance in nF, so that nA, ms and mV belong together.
        self._leak = np.array(area) * 1e-8 / membrane_resistance * 1e6
        self._capacity = np.array(area) * 1e-8 * capacitance * 1e3
        self.voltage: F64Array = np.zeros(len(parents))

    def _axial(self, diameter: float, length: float) -> float:
        """Return the conductance in uS along `length` of a cylinder; both in um."""
        ohms = self.axial_resistance * length * 1e-4 / (math.pi * diameter**2 / 4 * 1e-8)
        return 1e6 / ohms

    def length_constant(self, diameter: float) -> float:
        """Return ``sqrt(R_m d / (4 R_i))`` in um."""
        cm = math.sqrt(self.membrane_resistance * diameter * 1e-4 / (4 * self.axial_resistance))
        return cm * 1e4

    def steady_state(self, currents: Mapping[int, float]) -> F64Array:
        """Return the voltage of all nodes (mV) under constant currents (nA) into nodes."""
        rhs = np.zeros((len(self.voltage), 1))
        for node, current in currents.items():
            rhs[node] += current
        solution = solve_cable(self._parent, self._axial_links, self._diagonal(), rhs)
        return np.ascontiguousarray(solution[:, 0])

    def input_resistance(self, node: int = 0) -> float:
        """Return the input resistance of a node in megaohm."""
        return float(self.steady_state({node: 1.0})[node])

    def step(self, dt: float, currents: Mapping[int, float] | None = None) -> F64Array:
        """Advance by dt (ms) under constant currents (nA) and return the voltage."""
        half = self._capacity / (dt / 2)
        rhs = half * self.voltage
        for node, current in (currents or {}).items():
            rhs[node] += current
        diagonal = self._diagonal() + half[:, None]
        middle = solve_cable(self._parent, self._axial_links, diagonal, rhs[:, None].copy())[:, 0]
        # The trapezoidal rule is an implicit half step followed by its reflection.
        held = self._capacity > 0
        self.voltage = np.where(held, 2 * middle - self.voltage, middle)
        return self.voltage

    def _diagonal(self) -> F64Array:
        total = self._leak.copy()
        total[1:] += self._axial_links[1:]
        np.add.at(total, self._parent[1:], self._axial_links[1:])
        return total[:, None].copy()
