# distutils: language = c++
"""Ids as dense handles, the form in which the compiled tables know them."""
import cython
import numpy as np

cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t
from libcpp.vector cimport vector

from engrain.base.errors import ConfigError, SnapshotError
from engrain.base.ids import decode_id, encode_id

cnp.import_array()


cdef extern from "Python.h":
    PyObject* PyDict_GetItemWithError(object mapping, object key) except? NULL


cdef struct Link:
    int32_t older, newer


cdef inline cnp.ndarray new_handles(Py_ssize_t n):
    return cnp.PyArray_EMPTY(1, <cnp.npy_intp*>&n, cnp.NPY_INT64, 0)


@cython.final
cdef class Handles:
    """Interns ids; at the cap the id used longest ago gives up its handle, in constant time.

    Parameters
    ----------
    capacity : int
        Ids held at once; handles lie in [0, capacity).
    """

    cdef readonly int64_t capacity
    cdef dict _held
    cdef list _ids, _watchers
    cdef cnp.ndarray _gone
    # In order of use, a ring through the last entry: its newer is the oldest, its older the newest.
    cdef vector[Link] _links

    def __init__(self, capacity):
        if not 1 <= capacity < 2**31:
            raise ConfigError(f"capacity: needs a number in [1, 2**31), got {capacity}")
        self.capacity = capacity
        self._watchers = []
        self._gone = np.zeros(1, dtype=np.int64)
        self._clear()

    cdef _clear(self):
        self._held, self._ids = {}, []
        self._links.assign(1, Link(0, 0))

    def __len__(self):
        return len(self._held)

    def __contains__(self, id):
        return id in self._held

    def watch(self, forget):
        """Have `forget` called with an array of handles, shape (1,), before they change owner."""
        self._watchers.append(forget)

    cdef _forget(self, int64_t handle):
        (<int64_t*>cnp.PyArray_DATA(self._gone))[0] = handle
        for forget in self._watchers:
            forget(self._gone)

    cdef void _unlink(self, int64_t handle) noexcept:
        cdef Link link = self._links[handle + 1]
        self._links[link.older].newer = link.newer
        self._links[link.newer].older = link.older

    cdef void _link(self, int64_t handle, int32_t older) noexcept:
        """Put a handle into the order of use, behind the entry `older`."""
        cdef int32_t entry = <int32_t>handle + 1
        cdef int32_t newer = self._links[older].newer
        self._links[entry] = Link(older, newer)
        self._links[older].newer = entry
        self._links[newer].older = entry

    cdef void _use(self, int64_t handle) noexcept:
        self._unlink(handle)
        self._link(handle, self._links[0].older)

    cdef int64_t _lookup(self, id) except -2:
        cdef PyObject* handle = PyDict_GetItemWithError(self._held, id)
        return -1 if handle is NULL else <int64_t><object>handle

    cdef int64_t _add(self, id) except -2:
        """Give an unknown id a handle, the next one or that of the id used longest ago."""
        cdef int64_t handle = len(self._ids)
        if handle < self.capacity:
            self._ids.append(id)
            self._links.push_back(Link(0, 0))
            self._link(handle, self._links[0].older)
        else:
            handle = self._links[0].newer - 1
            self._use(handle)
            owner = self._ids[handle]
            if self._lookup(owner) == handle:
                del self._held[owner]
            self._forget(handle)
            self._ids[handle] = id
        self._held[id] = handle
        return handle

    def find(self, id):
        """Return the handle of an id without using it, -1 where it is unknown."""
        return self._lookup(id)

    cpdef int64_t intern(self, id) except -2:
        """Return the handle of an id, giving it one where it has none.

        Raises
        ------
        TypeError
            Not a str, int or UUID.
        """
        cdef int64_t handle = self._lookup(id)
        if handle >= 0:
            self._use(handle)
            return handle
        if type(id) is not str:
            encode_id(id)
        return self._add(id)

    def intern_all(self, ids):
        """Return the handles of ids, shape (n,); refuses all where one is no id.

        Raises
        ------
        TypeError
            Not a str, int or UUID.
        ConfigError
            More different ids than there are handles.
        """
        cdef list wanted = ids if type(ids) is list else list(ids)
        cdef cnp.ndarray handles = self.find_all(wanted)
        cdef int64_t* out = <int64_t*>cnp.PyArray_DATA(handles)
        cdef Py_ssize_t i, n = len(wanted)
        cdef bint all_known = True
        for i in range(n):
            all_known = all_known and out[i] >= 0
        if not all_known:
            self._check(wanted)
        for i in range(n):  # known ones first: they are not to make room for the others
            if out[i] >= 0:
                self._use(out[i])
        if not all_known:
            for i in range(n):
                out[i] = self.intern(wanted[i])
        return handles

    cdef _check(self, list wanted):
        for id in wanted:
            encode_id(id)
        if len(wanted) > self.capacity and len(set(wanted)) > self.capacity:
            raise ConfigError(f"ids: {len(wanted)} at once, but capacity is {self.capacity}")

    def find_all(self, ids):
        """Return the handles of ids, shape (n,), -1 where one is unknown."""
        cdef list wanted = ids if type(ids) is list else list(ids)
        cdef Py_ssize_t i, n = len(wanted)
        cdef cnp.ndarray handles = new_handles(n)
        cdef int64_t* out = <int64_t*>cnp.PyArray_DATA(handles)
        for i in range(n):
            out[i] = self._lookup(wanted[i])
        return handles

    def ids(self, handles):
        """Return the owners of handles."""
        cdef list owners = self._ids
        return [owners[handle] for handle in np.asarray(handles).tolist()]

    def drop(self, id):
        """Forget what the tables hold of an id; its handle stays with it until it is needed."""
        cdef int64_t handle = self._lookup(id)
        if handle >= 0:
            self._forget(handle)
            self._unlink(handle)
            self._link(handle, 0)

    def state(self):
        """Return ids and handles in the order of their last use."""
        cdef list order = []
        cdef int32_t entry = self._links[0].newer
        while entry != 0:
            order.append(entry - 1)
            entry = self._links[entry].newer
        return {
            "ids": [encode_id(self._ids[handle]) for handle in order],
            "handles": np.array(order, dtype=np.int64),
        }

    def load(self, state):
        """Take over a state returned by `state`.

        Raises
        ------
        SnapshotError
            More ids than fit, or handles that are not 0 .. n - 1.
        """
        cdef list order = np.asarray(state["handles"]).tolist()
        cdef list ids = [decode_id(text) for text in state["ids"]]
        if (
            len(order) > self.capacity
            or sorted(order) != list(range(len(ids)))
            or len(set(ids)) != len(ids)
        ):
            raise SnapshotError("the state of a set of handles does not fit")
        self._clear()
        self._held = dict(zip(ids, order))
        self._ids = [None] * len(ids)
        self._links.resize(len(ids) + 1)
        for id, handle in zip(ids, order):
            self._ids[handle] = id
            self._link(handle, self._links[0].older)
