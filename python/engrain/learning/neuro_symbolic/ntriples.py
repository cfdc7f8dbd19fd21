"""N-Triples, the line format of RDF 1.1, for triples with weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from engrain.learning.neuro_symbolic.triples import Triple

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XSD_DOUBLE = "http://www.w3.org/2001/XMLSchema#double"


def iri(name: str, base: str = "urn:engrain:") -> str:
    """Return ``<base…>`` with everything percent-encoded that an IRI cannot hold."""
    return f"<{base}{quote(name, safe='')}>"


def to_ntriples(triples: Iterable[Triple], base: str = "urn:engrain:") -> str:
    """Write triples as N-Triples.

    A weight below 1 follows as a reified statement whose ``weight`` is an xsd:double.

    Source: W3C Recommendation "RDF 1.1 N-Triples" (2014); reification after RDF Schema 1.1.
    """
    return "".join(f"{line} .\n" for triple in triples for line in _statements(triple, base))


def _statements(triple: Triple, base: str) -> Iterator[str]:
    s, p, o = iri(triple.subject, base), iri(triple.predicate, base), iri(triple.object, base)
    yield f"{s} {p} {o}"
    if triple.weight < 1.0:
        name = hashlib.sha256(f"{s} {p} {o}".encode()).hexdigest()[:16]
        node = f"_:s{name}"
        yield f"{node} <{RDF}type> <{RDF}Statement>"
        yield f"{node} <{RDF}subject> {s}"
        yield f"{node} <{RDF}predicate> {p}"
        yield f"{node} <{RDF}object> {o}"
        yield f'{node} {iri("weight", base)} "{triple.weight!r}"^^<{XSD_DOUBLE}>'
