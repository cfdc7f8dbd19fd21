# The Hebbian edge table: owns its arrays and grows them outside the kernels.
import numpy as np

cimport numpy as cnp
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from engrain._csrc cimport (
    Chain, Edge, EdgeTableView, HebbianRule, SpreadScratch, assign_edges, decay_edges, no_node,
    prune_edges, read_edges, read_neighbours, rehash_edges, remove_edges, remove_node,
    spread_activation, update_edges,
)

from engrain.base.errors import ConfigError, NonFiniteError, ShapeError, SnapshotError

cnp.import_array()
include "_arrays.pxi"

cdef enum:
    RELEASE_GIL_ABOVE = 256  # edges, about 2 us

SLOT = np.dtype([("from", np.uint32), ("to", np.uint32), ("weight", np.float32),
                 ("kind", np.uint8), ("unused", np.uint8), ("place", np.uint16)])
FREE = np.array((no_node, no_node, 0.0, 0, 0, 0), dtype=SLOT)


cdef int64_t largest_handle(const int64_t* source, const int64_t* target, size_t n) except -2:
    """Return the largest handle, -1 of none, after refusing what is no handle."""
    cdef int64_t top = -1, low = 0
    cdef size_t i
    for i in range(n):
        top = max(top, max(source[i], target[i]))
        low = min(low, min(source[i], target[i]))
    if low < 0 or top >= <int64_t> no_node:
        raise ValueError(f"source, target: expected handles in [0, 2**32 - 1), got {low}..{top}")
    return top


cdef int check_signals(const float* signal, size_t n) except -1:
    cdef size_t i
    cdef bint good = True
    for i in range(n):
        good &= -1.0 <= signal[i] <= 1.0
    if not good:
        raise NonFiniteError("signal: expected finite values in [-1, 1]")
    return 0


cdef class EdgeTable:
    """Weighted, typed, directed edges between dense handles that learn by use, in [0, 1]."""

    def __init__(self, *, per_node=32, max_edges=1 << 24, eta_plus=0.05, eta_minus=0.02, eta=None,
                 oja=False):
        if eta is not None:
            eta_plus = eta_minus = eta
        for name, value in (("eta_plus", eta_plus), ("eta_minus", eta_minus)):
            if not 0.0 < value <= 1.0:
                raise ConfigError(f"{name}: expected a rate in (0, 1], got {value!r}")
        if not (1 <= per_node <= 65535 and 1 <= max_edges <= 1 << 30):
            raise ConfigError("per_node, max_edges: expected 1..65535 and 1..2**30, got "
                              f"{per_node} and {max_edges}")
        self.rule = HebbianRule(eta_plus, eta_minus, oja)
        self.view.per_node, self.view.max_edges = per_node, max_edges
        self.clear()

    def clear(self):
        """Drop every edge and return to the smallest size."""
        self.view.used = self.view.nodes = 0
        self.view.evicted = self.view.refused = 0
        self.view.scale = 1.0
        self.lists, self.degree = np.empty(0, np.uint32), np.empty(0, np.uint16)
        self.incoming = np.empty(0, np.uint32)
        self.grow_nodes(64)
        self.take_slots(np.full(256, FREE), 8)

    def reserve(self, nodes=0, edges=0):
        """Make room now, so that no later update has to."""
        if nodes > self.view.nodes:
            self.grow_nodes(nodes)
        self.make_room(min(edges, self.view.max_edges))

    cdef take_slots(self, slots, int bits):
        chains = np.empty((len(slots), 2), dtype=np.uint32)
        self.slots, self.chains = slots, chains
        self.view.slots = <Edge*> cnp.PyArray_DATA(slots)
        self.view.chains = <Chain*> cnp.PyArray_DATA(chains)
        self.view.shift = 64 - bits

    cdef grow_nodes(self, size_t nodes):
        lists = np.empty(nodes * self.view.per_node, dtype=np.uint32)
        degree = np.zeros(nodes, dtype=np.uint16)
        incoming = np.full(nodes, no_node, dtype=np.uint32)
        lists[: len(self.lists)] = self.lists
        degree[: len(self.degree)] = self.degree
        incoming[: len(self.incoming)] = self.incoming
        self.lists, self.degree, self.incoming = lists, degree, incoming
        self.view.lists = <uint32_t*> cnp.PyArray_DATA(lists)
        self.view.incoming = <uint32_t*> cnp.PyArray_DATA(incoming)
        self.view.degree = <uint16_t*> cnp.PyArray_DATA(degree)
        self.view.nodes = nodes

    cdef make_room(self, size_t edges):
        # Half of the slots stay free: probing then ends after 1.5 slots on average.
        cdef int bits = 64 - self.view.shift
        while (<size_t> 1 << bits) < 2 * edges + 2:
            bits += 1
        if bits == 64 - self.view.shift:
            return
        old = self.slots
        self.take_slots(np.full(1 << bits, FREE), bits)
        self.incoming[:] = no_node
        rehash_edges(self.view, <Edge*> cnp.PyArray_DATA(old), len(old))

    cdef int prepare(self, object source, object target, bint inserts) except -1:
        """Check the handles of a batch and make room for all of it."""
        cdef int64_t* u = i64_vector(source, "source")
        cdef int64_t* v = i64_vector(target, "target")
        cdef size_t n = cnp.PyArray_DIM(source, 0)
        check_extent(target, 0, n, "target")
        cdef int64_t top = largest_handle(u, v, n)
        if not inserts:
            return 0
        if top >= <int64_t> self.view.nodes:
            self.grow_nodes(max(top + 1, 2 * self.view.nodes))
        cdef size_t edges = min(self.view.used + n, self.view.max_edges)
        if 2 * edges + 2 > (<size_t> 1 << (64 - self.view.shift)):
            self.make_room(edges)
        return 0

    def update(self, source, target, signal, uint8_t kind=0):
        """Strengthen or weaken edges in order: w += eta_plus s (1 - w), or w -= eta_minus |s| w."""
        self.prepare(source, target, True)
        cdef size_t n = cnp.PyArray_DIM(source, 0)
        cdef int64_t* u = <int64_t*> cnp.PyArray_DATA(source)
        cdef int64_t* v = <int64_t*> cnp.PyArray_DATA(target)
        cdef float* s = f32_vector(signal, n, "signal")
        check_signals(s, n)
        if n < RELEASE_GIL_ABOVE:
            update_edges(self.view, u, v, s, n, kind, self.rule)
        else:
            with nogil:
                update_edges(self.view, u, v, s, n, kind, self.rule)

    def assign(self, source, target, weight, kind):
        """Insert or overwrite edges, in order, with weights in [0, 1] and their kinds (uint8)."""
        self.prepare(source, target, True)
        cdef size_t n = cnp.PyArray_DIM(source, 0)
        cdef float* w = f32_vector(weight, n, "weight")
        check_array(kind, cnp.NPY_UINT8, 1, False, "kind")
        check_extent(kind, 0, n, "kind")
        if n and not (0.0 <= weight.min() and weight.max() <= 1.0):
            raise NonFiniteError("weight: expected finite values in [0, 1]")
        assign_edges(self.view, <int64_t*> cnp.PyArray_DATA(source),
                     <int64_t*> cnp.PyArray_DATA(target), w,
                     <uint8_t*> cnp.PyArray_DATA(kind), n)

    def weights(self, source, target):
        """Return the weights of edges, 0 where there is none."""
        self.prepare(source, target, False)
        cdef size_t n = cnp.PyArray_DIM(source, 0)
        out = np.empty(n, dtype=np.float32)
        read_edges(self.view, <int64_t*> cnp.PyArray_DATA(source),
                   <int64_t*> cnp.PyArray_DATA(target), n, <float*> cnp.PyArray_DATA(out))
        return out

    def neighbours(self, node):
        """Return (targets, weights, kinds) of the edges from a node."""
        cdef cnp.npy_intp room = self.view.per_node
        to = np.empty(room, dtype=np.int64)
        weight = np.empty(room, dtype=np.float32)
        kind = np.empty(room, dtype=np.uint8)
        if not 0 <= node < self.view.nodes:
            return to[:0], weight[:0], kind[:0]
        cdef size_t n = read_neighbours(
            self.view, node, <int64_t*> cnp.PyArray_DATA(to),
            <float*> cnp.PyArray_DATA(weight), <uint8_t*> cnp.PyArray_DATA(kind))
        return to[:n], weight[:n], kind[:n]

    def remove(self, source, target):
        """Remove edges; return how many there were."""
        self.prepare(source, target, False)
        return remove_edges(self.view, <int64_t*> cnp.PyArray_DATA(source),
                            <int64_t*> cnp.PyArray_DATA(target), cnp.PyArray_DIM(source, 0))

    def remove_node(self, node):
        """Remove every edge from and to a node, in O(their number); return how many there were."""
        if not 0 <= node < no_node:
            raise ValueError(f"node: expected a handle in [0, 2**32 - 1), got {node}")
        return remove_node(self.view, node)

    def prune(self, threshold):
        """Remove every edge weaker than the threshold; return how many there were."""
        return prune_edges(self.view, threshold)

    def decay(self, factor):
        """Multiply every weight by factor in (0, 1], in constant time."""
        if not 0.0 < factor <= 1.0:
            raise ValueError(f"factor: expected a number in (0, 1], got {factor!r}")
        if factor < 1e-6:
            raise ValueError(f"factor: below 1e-6, got {factor!r}; clear() forgets everything")
        decay_edges(self.view, factor)

    def spread(self, seeds, activation, hops=2, damping=0.5, limit=256):
        """Return (nodes, activation received) after one or two hops from the seeds."""
        cdef int64_t* from_ = i64_vector(seeds, "seeds")
        cdef size_t n = cnp.PyArray_DIM(seeds, 0)
        cdef float* a = f32_vector(activation, n, "activation")
        largest_handle(from_, from_, n)
        if not (hops in (1, 2) and 0.0 < damping <= 1.0 and 1 <= limit <= 1 << 20):
            raise ValueError("hops, damping, limit: expected 1 or 2, (0, 1] and 1..2**20, got "
                             f"{hops}, {damping} and {limit}")
        if n and not (0.0 <= activation.min() and activation.max() < np.inf):
            raise NonFiniteError("activation: expected finite values of at least 0")
        self.make_scratch(limit)
        cdef int h = hops
        cdef float d = damping
        # The scratch belongs to the table: the GIL keeps a second reader out of it.
        cdef size_t count = spread_activation(self.view, from_, a, n, h, d, self.scratch)
        reached = np.flatnonzero(self.received[:count])
        return self.nodes_out[reached].astype(np.int64), self.received[reached]

    cdef make_scratch(self, size_t limit):
        if self.scratch.limit == limit:
            return
        cdef int bits = 4
        while (<size_t> 1 << bits) < 2 * limit:
            bits += 1
        self.nodes_out = np.empty(limit, dtype=np.uint32)
        self.received, self.active, self.next_ = np.empty((3, limit), dtype=np.float32)
        self.index = np.full(1 << bits, no_node, dtype=np.uint32)
        self.scratch = SpreadScratch(
            <uint32_t*> cnp.PyArray_DATA(self.nodes_out), <float*> cnp.PyArray_DATA(self.received),
            <float*> cnp.PyArray_DATA(self.active), <float*> cnp.PyArray_DATA(self.next_),
            <uint32_t*> cnp.PyArray_DATA(self.index), limit, bits)

    def __len__(self):
        return self.view.used

    @property
    def evicted(self):
        return self.view.evicted

    @property
    def refused(self):
        return self.view.refused

    def edges(self):
        """Return (sources, targets, weights, kinds) of every edge, by source and then by age."""
        held = self.ordered()
        weight = np.minimum(held["weight"] * np.float32(self.view.scale), np.float32(1))
        return (held["from"].astype(np.int64), held["to"].astype(np.int64), weight,
                held["kind"].copy())

    cdef ordered(self):
        held = self.slots[self.slots["from"] != no_node]
        return held[np.lexsort((held["place"], held["from"]))]

    @property
    def scale(self):
        return self.view.scale

    def copy_slots(self):
        """Return a copy of the hash table, for a device to update the weights in."""
        return self.slots.copy()

    def take_weights(self, slots):
        """Take over the weights of a changed `copy_slots`; the edges must be the same."""
        keys = ["from", "to", "kind", "place"]
        if slots.dtype != SLOT or not np.array_equal(slots[keys], self.slots[keys]):
            raise ValueError("slots: expected the edges that this table holds now")
        weight = slots["weight"]
        if not np.isfinite(weight).all() or weight.min() < 0 or (
                weight.max() * self.view.scale > 1.0001):
            raise NonFiniteError("slots: weights must be finite and lie in [0, 1]")
        self.slots["weight"] = weight

    def state(self):
        """Return everything learned as arrays: `load` restores it bit for bit."""
        held = self.ordered()
        return {
            "from": held["from"].copy(), "to": held["to"].copy(),
            "weight": held["weight"].copy(), "kind": held["kind"].copy(),
            "scale": np.array([self.view.scale], dtype=np.float32),
            "counts": np.array([self.view.nodes, self.view.evicted, self.view.refused],
                               dtype=np.int64),
        }

    def load(self, state):
        """Take over what `state` returned by a table of the same caps."""
        source, target = state["from"].astype(np.int64), state["to"].astype(np.int64)
        weight, scale = np.ascontiguousarray(state["weight"]), float(state["scale"][0])
        if not (0.0 < scale <= 1.0 and weight.dtype == np.float32 and np.isfinite(weight).all()
                and len(source) == len(target) == len(weight) == len(state["kind"])):
            raise SnapshotError("edges: arrays of one length and a scale in (0, 1] are needed")
        if len(source) > self.view.max_edges or (
                len(source) and np.bincount(source).max() > self.view.per_node):
            raise SnapshotError("edges: more of them than per_node or max_edges allow here")
        self.clear()
        self.reserve(int(state["counts"][0]))
        self.prepare(source, target, True)
        assign_edges(self.view, <int64_t*> cnp.PyArray_DATA(source),
                     <int64_t*> cnp.PyArray_DATA(target), <float*> cnp.PyArray_DATA(weight),
                     <uint8_t*> cnp.PyArray_DATA(np.ascontiguousarray(state["kind"], np.uint8)),
                     len(source))
        self.view.scale = scale
        self.view.evicted, self.view.refused = state["counts"][1], state["counts"][2]
