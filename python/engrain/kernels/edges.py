"""The Hebbian edge table: edges that strengthen when used together and weaken when not.

`EdgeTable` holds typed, directed edges between dense handles in an open-addressing hash table of 16
bytes per slot. Every weight stays in [0, 1]: ``w += eta_plus s (1 - w)`` for a signal s > 0 and
``w -= eta_minus |s| w`` for s < 0 (soft bounds: van Rossum, Bi & Turrigiano 2000). With one rate
(``eta=``) a weight is the exponential moving average of its use. ``oja=True`` shrinks the edges of
a node with each gain (Oja 1982), so that the norm of what leaves a node tends to 1. `decay` scales
all weights in constant time; a node keeps its `per_node` strongest edges and the newest.
`spread` is spreading activation (Collins & Loftus 1975) over one or two hops.

One thread changes a table at a time.
"""

from __future__ import annotations

from engrain._graph import EdgeTable

__all__ = ["EdgeTable"]
