from engrain._csrc cimport NativeQueue, TrajectoryRing


cdef class TrajectoryBuffer:
    cdef TrajectoryRing* ring
    cdef readonly Py_ssize_t dim, max_ids


cdef class SignalQueue:
    cdef NativeQueue* queue
    cdef readonly Py_ssize_t dim
