import pytest

pytest.importorskip("spacy", reason="spaCy is not installed")

from kpframework.testing import conformance

test_conformance = conformance.tests("kp-plugin-spacy")
