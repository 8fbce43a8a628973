"""Backends by name."""

import pytest

from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry, default_registry
from clinvk.domain.errors import BackendNotFound


class Other(DemoBackend):
    name = "other"


def test_a_backend_is_found_by_its_name():
    demo, other = DemoBackend(), Other()
    registry = Registry([other, demo])
    assert registry.get("demo") is demo
    assert registry.get("other") is other


def test_names_keep_their_order():
    assert Registry([Other(), DemoBackend()]).names() == ("other", "demo")


@pytest.mark.parametrize("name", ["", "Demo", "claud"])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(BackendNotFound, match=f"'{name}' is not available$"):
        default_registry().get(name)


def test_the_demo_is_always_there():
    assert "demo" in default_registry().names()


def test_a_disabled_one_is_told_of_and_not_to_be_had():
    registry = default_registry({"demo"})
    assert [backend.name for backend in registry.disabled] == ["demo"]
    assert "demo" not in registry.names()
    with pytest.raises(BackendNotFound, match=r"it is disabled \(backends.demo.enabled\)"):
        registry.get("demo")


def test_what_is_disabled_can_be_changed_and_is_known_all_the_same():
    demo, other = DemoBackend(), Other()
    registry = Registry([demo, other], {"demo"})
    registry.disable({"other"})
    assert (registry.names(), registry.disabled) == (("demo",), (other,))
    assert (registry.known("demo"), registry.known("other")) == (demo, other)
    with pytest.raises(BackendNotFound):
        registry.known("neither")
