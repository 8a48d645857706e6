import pytest

from kpframework.plugins import doctor
from kpframework.plugins.discovery import scan
from kpframework.testing.distributions import fake_plugin


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("torch", "2.9.1+cpu", "torch 2.9.1+cpu is below 2.10"),
        ("transformers", "5.4.0", "CVE-2026-5241"),
    ],
)
def test_a_version_with_a_known_hole_is_reported_with_the_upgrade(monkeypatch, name, version, said):
    found = dict.fromkeys(doctor.FLOORS, "99") | {name: version}
    monkeypatch.setattr(doctor, "installed_versions", lambda names: found)
    (problem,) = doctor.environment_problems()
    assert said in problem.message
    assert problem.fix.startswith(f"pip install --upgrade '{name}>=")


def test_sound_versions_are_not_reported(monkeypatch):
    found = dict.fromkeys(doctor.FLOORS, "99")
    monkeypatch.setattr(doctor, "installed_versions", lambda names: found)
    assert doctor.environment_problems() == []


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(doctor, "installed_versions", lambda names: {"torch": "99"})
    assert [p.message for p in doctor.environment_problems()] == ["transformers is not installed"]
    assert (doctor.versions()["torch"], doctor.versions()["pluggy"]) == ("99", "not installed")


def test_packaging_that_will_trouble_users_is_reported(site):
    fake_plugin(site, "toy", distribution="kp-plugin-other", requires=[])
    records = [r for r in scan() if r.name == "toy"]
    messages = " ".join(p.message for p in doctor.packaging_problems(records))
    assert "declares no version range" in messages
    assert "one would expect 'other'" in messages
