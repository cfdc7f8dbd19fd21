# What tables by dense handle share.

# Above this many handles the work pays for releasing the GIL (about 2 us).
cdef Py_ssize_t MANY = 128


cdef int64_t highest(const int64_t* handles, Py_ssize_t n, int64_t max_handles) except -2:
    """Return the highest handle, -1 of none; refuse any outside [0, max_handles)."""
    cdef int64_t low = 0, high = -1
    cdef Py_ssize_t i
    for i in range(n):
        low = min(low, handles[i])
        high = max(high, handles[i])
    if low < 0 or high >= max_handles:
        raise ValueError(
            f"handles: {low if low < 0 else high} is not in [0, {max_handles}); "
            "handles are dense numbers"
        )
    return high
