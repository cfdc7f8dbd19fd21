"""Ion channels: the closed forms, and views of one neuron's channels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engrain.base.arrays import F64Array

FARADAY = 96485.33212
GAS_CONSTANT = 8.31446261815324


def nernst_potential(outside: float, inside: float, valence: int, temperature: float) -> float:
    """Return ``(RT / zF) ln(outside / inside)`` in mV; concentrations in mM, temperature in K."""
    scale = 1e3 * GAS_CONSTANT * temperature / (valence * FARADAY)
    return scale * math.log(outside / inside)


def ghk_current(
    v: npt.ArrayLike,
    inside: npt.ArrayLike,
    outside: float,
    permeability: float,
    valence: int = 2,
    temperature: float = 279.45,
) -> F64Array:
    """Return the Goldman-Hodgkin-Katz current in uA/cm^2, outward positive.

    ``I = P z^2 (v F^2 / RT) (c_in - c_out e^(-zvF/RT)) / (1 - e^(-zvF/RT))``: Goldman, J. Gen.
    Physiol. 27 (1943) 37-60. Zero at the Nernst potential, finite at v = 0.

    Parameters
    ----------
    v : array_like
        mV.
    inside : array_like
        mM.
    outside : float
        mM.
    permeability : float
        cm/s.
    valence : int
    temperature : float
        K.
    """
    u = 1e-3 * valence * FARADAY / (GAS_CONSTANT * temperature) * np.asarray(v, np.float64)
    small = np.abs(u) < 1e-6
    safe = np.where(small, 1.0, u)
    factor = np.where(small, 1 + u / 2, safe / -np.expm1(-safe))
    drive = np.asarray(inside, np.float64) - outside * np.exp(-u)
    return np.asarray(permeability * valence * FARADAY * factor * drive)


def nmda_block(v: npt.ArrayLike, magnesium: float = 1.0) -> F64Array:
    """Return the open fraction ``1 / (1 + [Mg] / 3.57 e^(-0.062 v))`` of NMDA receptors.

    Jahr and Stevens, J. Neurosci. 10 (1990) 3178-3182; v in mV, magnesium in mM.
    """
    return np.asarray(1 / (1 + magnesium / 3.57 * np.exp(-0.062 * np.asarray(v, np.float64))))


def nmda_current(
    v: npt.ArrayLike, conductance: npt.ArrayLike, magnesium: float = 1.0, reversal: float = 0.0
) -> F64Array:
    """Return ``g B(v) (v - E)``, outward positive, in the unit of conductance times mV."""
    v = np.asarray(v, dtype=np.float64)
    return np.asarray(np.asarray(conductance) * nmda_block(v, magnesium) * (v - reversal))


@dataclass(frozen=True, slots=True)
class IonChannel:
    """One neuron's channel as it stands.

    Attributes
    ----------
    name : str
    current_state : float
        Open fraction: m^3 h (sodium), n^4 (potassium), s^2 (calcium), 1 (leak).
    conductance : float
        mS/cm^2 at this state; for calcium the slope of the GHK current.
    reversal : float
        mV.
    current : float
        uA/cm^2, outward positive.
    """

    name: str
    current_state: float
    conductance: float
    reversal: float
    current: float
