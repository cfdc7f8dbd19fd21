# distutils: language = c++
"""Events from their payloads to what one statement writes. Import it from engrain.kernels.journal.

All of it happens under the GIL, without running other Python code between two changes: an exception
raised by a signal leaves an event whole in the journal or absent.
"""
import cython

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.math cimport isfinite
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from libcpp cimport bool as cbool
from libcpp.string cimport string

import json
from collections import deque

from engrain.base.errors import NonFiniteError

cdef extern from "engrain/event_group.hpp" namespace "engrain" nogil:
    const size_t SALT_BYTES "engrain::kSaltBytes"
    const size_t DIGEST_BYTES "engrain::kDigestBytes"
    cdef cppclass string_view "std::string_view":
        string_view(const char* data, size_t size)
    cdef struct ChainHead:
        uint64_t seq
        double time
        uint8_t hash[32]
    cdef struct EventFacts:
        string_view names
        uint8_t type_bytes
        cbool critical
        uint32_t schema
        int64_t epoch
        double time
    cdef struct Payload:
        const uint8_t* data
        size_t size
        cbool salted
    cdef cppclass EventGroup:
        size_t add(ChainHead& head, const EventFacts& facts, const Payload* payloads, size_t count,
                   const uint8_t* salts) except +
        void clear()
        uint64_t first()
        size_t events()
        size_t room()
        const string& heads()
        const string& bodies()
        string event_places() except +
        string payload_places() except +

cdef extern from "engrain/alarm.hpp" namespace "engrain" nogil:
    const int64_t NEVER "engrain::Alarm::kNever"
    int64_t now "engrain::Alarm::now"()
    cdef cppclass Alarm:
        cbool expect(int64_t time)
        cbool hurry()
        void reset(int64_t time)
        int64_t sleep(cbool failed)
        cbool wake()
        void calm()

cdef extern from "Python.h" nogil:
    ctypedef void* PyThread_type_lock
    PyThread_type_lock PyThread_allocate_lock()
    void PyThread_free_lock(PyThread_type_lock lock)
    void PyThread_release_lock(PyThread_type_lock lock)
    int PyThread_acquire_lock(PyThread_type_lock lock, int wait)
    int PyThread_acquire_lock_timed(PyThread_type_lock lock, long long microseconds, int signals)

cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char* data, Py_ssize_t size, int flags)
    const int PyBUF_READ

cdef extern from "sys/random.h" nogil:
    int getentropy(void* to, size_t size)

MAX_BYTES = 1 << 28
LARGE = 1 << 15

cdef enum:
    MOST = 16  # payloads of an event
    RANDOM = 256  # bytes drawn from the system at a time, at least MOST salts

cdef Py_ssize_t LARGE_BYTES = LARGE, MOST_BYTES = MAX_BYTES
cdef size_t KEPT = 4 << 20  # bytes of a group that is used again
cdef int NAMES = 1024
cdef int64_t LONGEST = 3_600_000_000  # microseconds


cdef inline object view_of(const string& text):
    return PyMemoryView_FromMemory(<char*> text.data(), text.size(), PyBUF_READ)


cdef int look_into(tuple content, int i, Py_buffer* view) except -1:
    """Borrow the bytes of a payload."""
    try:
        PyObject_GetBuffer(content[i], view, PyBUF_SIMPLE)
    except (TypeError, BufferError):
        kinds = [item.__class__.__name__ for item in content]
        raise TypeError(f"payloads: expected a sequence of bytes, got {kinds}") from None
    if view.len > MOST_BYTES:
        PyBuffer_Release(view)
        raise ValueError(f"payloads: expected at most {MOST_BYTES} bytes each; split larger ones")
    return 0


cdef bytes salted(const Payload& payload, const uint8_t* salt):
    """Return the stored form of a payload: its salt, then its bytes."""
    cdef bytes body = PyBytes_FromStringAndSize(NULL, SALT_BYTES + payload.size)
    memcpy(PyBytes_AS_STRING(body), salt, SALT_BYTES)
    memcpy(PyBytes_AS_STRING(body) + SALT_BYTES, payload.data, payload.size)
    return body


@cython.final
cdef class Group:
    """Consecutive events, packed, and payloads to drop with them.

    Attributes
    ----------
    beside : dict of int to (list of (int, bytes), object)
        By seq what no statement for all can hold: large payloads in stored form by their index, and
        what the event brings along.
    drops : list of int
        Keys.
    """

    cdef EventGroup packed
    cdef int64_t born
    cdef readonly dict beside
    cdef readonly list drops
    cdef dict types

    def __cinit__(self):
        self.beside, self.drops, self.types = {}, [], {}

    def __len__(self):
        return self.packed.events()

    @property
    def first(self):
        return self.packed.first()

    @property
    def newest(self):
        return self.packed.first() + self.packed.events() - 1 if self.packed.events() else 0

    def row(self, key):
        return (
            key,
            view_of(self.packed.heads()),
            self.packed.event_places().decode("ascii"),
            view_of(self.packed.bodies()),
            self.packed.payload_places().decode("ascii"),
            json.dumps(self.types),
            str(self.drops),
        )

    cdef clear(self):
        self.packed.clear()
        self.beside, self.drops, self.types = {}, [], {}


@cython.final
cdef class Journal:
    """The end of a chain, and the groups of events that wait to be written.

    Parameters
    ----------
    seq, hash, time : int, bytes of length 32, float
        Of the newest event.
    tenant : str
    group_seconds : float
        A group is due so long after its first event, or when it is full.
    group_events : int
    """

    cdef ChainHead _head
    cdef Alarm _alarm
    cdef PyThread_type_lock _bell
    cdef object _full
    cdef Group _filling, _spare
    cdef dict _names
    cdef bytes _tenant
    cdef size_t _group_events
    cdef int64_t _patience
    cdef uint8_t _random[RANDOM]
    cdef size_t _unused
    cdef readonly Py_ssize_t waiting
    cdef readonly Py_ssize_t dropping
    cdef readonly uint64_t payload_bytes

    def __cinit__(self):
        self._bell = PyThread_allocate_lock()
        if self._bell == NULL:
            raise MemoryError
        PyThread_acquire_lock(self._bell, 1)

    def __dealloc__(self):
        if self._bell != NULL:
            PyThread_free_lock(self._bell)

    def __init__(self, uint64_t seq, bytes hash not None, double time, str tenant not None, *,
                 double group_seconds, size_t group_events):
        if len(hash) != DIGEST_BYTES:
            raise ValueError(f"hash: expected {DIGEST_BYTES} bytes, got {len(hash)}")
        self._head.seq, self._head.time = seq, time
        memcpy(self._head.hash, PyBytes_AS_STRING(hash), DIGEST_BYTES)
        self._tenant = tenant.encode()
        if len(self._tenant) > 65535:
            raise ValueError(f"tenant: expected at most 65535 bytes, got {len(self._tenant)}")
        self._group_events = group_events
        self._patience = <int64_t> (min(group_seconds * 1e6, <double> LONGEST) * 1e3)
        self._full, self._filling, self._names = deque(), Group(), {}

    @property
    def seq(self):
        return self._head.seq

    @property
    def time(self):
        return self._head.time

    def head(self):
        return self._head.seq, self._digest()

    cdef bytes _digest(self):
        return PyBytes_FromStringAndSize(<char*> self._head.hash, DIGEST_BYTES)

    # publishing

    def append(self, type, payloads, schema, double time, int64_t epoch, bint critical, brings=None):
        cdef tuple content = tuple(payloads)
        cdef Py_buffer views[MOST]
        cdef int i, seen = 0, count = len(content)
        cdef EventFacts facts
        cdef bytes names = self._named(type)
        if not isfinite(time):
            raise NonFiniteError(f"time: expected seconds since the epoch, got {time!r}")
        if not 0 <= schema < 1 << 32:
            raise ValueError(f"schema: expected 0 <= schema < 2**32, got {schema!r}")
        if count > MOST:
            raise ValueError(f"payloads: an event has at most {MOST}, got {count}; join some")
        facts.names = string_view(PyBytes_AS_STRING(names), len(names))
        facts.type_bytes = <uint8_t> (len(names) - len(self._tenant))
        facts.critical, facts.schema, facts.epoch, facts.time = critical, schema, epoch, time
        try:
            for i in range(count):
                look_into(content, i, &views[i])
                seen += 1
            self._begin(type, critical)
            self._draw(count)
            self._publish(facts, views, count, brings)
        finally:
            for i in range(seen):
                PyBuffer_Release(&views[i])
        return self._head.seq, self._digest()

    cdef bytes _named(self, type):
        """Return the type's name with the tenant's behind it."""
        cdef bytes names
        if not isinstance(type, str):
            raise TypeError(f"type: expected a str, got {type!r}")
        names = self._names.get(type)
        if names is None:
            kind = type.encode()
            if not 0 < len(kind) < 256:
                raise ValueError(f"type: expected 1 to 255 bytes of UTF-8, got {len(kind)}")
            if len(self._names) >= NAMES:
                self._names.clear()
            names = self._names[type] = kind + self._tenant
        return names

    cdef int _begin(self, type, bint critical) except -1:
        """Make sure that the group that fills has room, and knows the type."""
        if self._filling.packed.events() >= self._group_events:
            fresh = self._fresh()
            self._full.append(self._filling)
            self._filling = fresh
        self._filling.types[type] = critical
        return 0

    cdef int _draw(self, size_t salts) except -1:
        """Have salts at hand: a system call for each would cost as much as all else."""
        if self._unused < salts * SALT_BYTES:
            self._unused = 0
            if getentropy(self._random, RANDOM) != 0:
                raise OSError("the system gives no random bytes")
            self._unused = RANDOM
        return 0

    cdef int _publish(self, EventFacts& facts, Py_buffer* views, int count, brings) except -1:
        cdef Payload parts[MOST]
        cdef int i
        cdef bytes body
        cdef list large = []
        cdef tuple beside = (large, brings)
        cdef Group group = self._filling
        cdef uint8_t* salts
        self._unused -= count * SALT_BYTES  # first: whatever fails, no salt is given out twice
        salts = self._random + self._unused
        for i in range(count):
            parts[i] = Payload(<const uint8_t*> views[i].buf, views[i].len, False)
            if SALT_BYTES + parts[i].size >= LARGE_BYTES:
                body = salted(parts[i], salts + SALT_BYTES * i)
                large.append((i, body))
                parts[i].data = <const uint8_t*> PyBytes_AS_STRING(body)
                parts[i].size += SALT_BYTES
                parts[i].salted = True
        self.payload_bytes += group.packed.add(self._head, facts, parts, count, salts)
        if large or brings is not None:
            group.beside[self._head.seq] = beside
        self.waiting += 1
        if group.packed.events() == 1:
            group.born = now()
        if self._alarm.expect(self._due()):
            PyThread_release_lock(self._bell)
        return 0

    def drop(self, key):
        """Have the payload with this key deleted with the group that fills."""
        self._filling.drops.append(key)
        self.dropping += 1

    # the writer's side

    cdef int64_t _due(self):
        if self._full or self._filling.packed.events() >= self._group_events:
            return 0
        if self._filling.packed.events() == 0:
            return NEVER
        return self._filling.born + self._patience

    cdef Group _fresh(self):
        cdef Group group = self._spare
        self._spare = None
        return Group() if group is None else group

    def take(self):
        """Return the oldest group that holds anything, None where there is none."""
        cdef Group fresh = self._fresh(), group = self._filling
        if self._full:
            group, self._spare = self._full.popleft(), fresh
        elif group.packed.events() == 0 and not group.drops:
            self._spare = fresh
            return None
        else:
            self._filling = fresh
        self.waiting -= group.packed.events()
        self.dropping -= len(group.drops)
        self._alarm.reset(self._due())
        return group

    def recycle(self, Group group not None):
        """Empty a written group and keep its room for the next."""
        if group.packed.room() <= KEPT:
            group.clear()
            self._spare = group

    def hurry(self):
        """Wake the writer, whatever it waits for."""
        if self._alarm.hurry():
            PyThread_release_lock(self._bell)

    def gather(self, bint failed):
        """Sleep until a group is due or someone is in a hurry; after a failure only the latter."""
        cdef int64_t rest
        with nogil:
            rest = self._alarm.sleep(failed)
            while rest != 0:
                rest = min(rest // 1000 + 1, LONGEST)
                if not PyThread_acquire_lock_timed(self._bell, rest, 0) and self._alarm.wake():
                    PyThread_acquire_lock(self._bell, 1)  # rung in the last moment
                rest = self._alarm.sleep(failed)
            if self._alarm.wake():
                PyThread_acquire_lock(self._bell, 1)
            self._alarm.calm()
