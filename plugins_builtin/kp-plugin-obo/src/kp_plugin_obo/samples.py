"""A small ontology that the conformance kit reads."""

ONTOLOGY = """format-version: 1.2
data-version: releases/1
ontology: small

[Term]
id: A:1
name: root
def: "The first one." [A:xref]
synonym: "top" EXACT []
xref: UMLS:C0000001

[Term]
id: A:2
name: leaf
is_a: A:1 ! root
relationship: part_of A:1 ! root

[Term]
id: A:3
name: gone
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""
