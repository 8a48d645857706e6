from kpframework.testing import conformance

test_conformance = conformance.tests("kp-plugin-trackers")
