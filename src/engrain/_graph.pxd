from engrain._csrc cimport EdgeTableView, HebbianRule, SpreadScratch


cdef class EdgeTable:
    cdef object slots, chains, lists, incoming, degree, nodes_out, received, active, next_, index
    cdef EdgeTableView view
    cdef HebbianRule rule
    cdef SpreadScratch scratch
    cdef take_slots(self, slots, int bits)
    cdef grow_nodes(self, size_t nodes)
    cdef make_room(self, size_t edges)
    cdef make_scratch(self, size_t limit)
    cdef ordered(self)
    cdef int prepare(self, object source, object target, bint inserts) except -1
