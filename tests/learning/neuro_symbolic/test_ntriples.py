from __future__ import annotations

import pytest

from engrain.learning.neuro_symbolic import Triple, to_ntriples

TRIPLES = [Triple("a b", "is", "ü|\n\\>"), Triple("x", "y", "z", 0.25)]


def test_lines_are_escaped_and_weights_reified() -> None:
    lines = to_ntriples(TRIPLES).splitlines()
    assert lines[0] == "<urn:engrain:a%20b> <urn:engrain:is> <urn:engrain:%C3%BC%7C%0A%5C%3E> ."
    assert lines[1] == "<urn:engrain:x> <urn:engrain:y> <urn:engrain:z> ."
    assert lines[-1].endswith('"0.25"^^<http://www.w3.org/2001/XMLSchema#double> .')
    assert len(lines) == 7


def test_an_rdf_library_reads_them() -> None:
    rdflib = pytest.importorskip("rdflib")
    graph = rdflib.Graph().parse(data=to_ntriples(TRIPLES), format="nt")
    assert len(graph) == 7
    weights = list(graph.objects(predicate=rdflib.URIRef("urn:engrain:weight")))
    assert [w.toPython() for w in weights] == [0.25]
