"""Every event has one wire type, and is plain data."""

import dataclasses
import typing

import pytest

from clinvk.domain import events
from clinvk.domain.events import SUBSTANCE, Event, Lifecycle, Output

ALL = typing.get_args(Event)


def test_every_event_is_either_output_or_lifecycle():
    assert set(ALL) == set(typing.get_args(Output)) | set(typing.get_args(Lifecycle))
    assert not set(typing.get_args(Output)) & set(typing.get_args(Lifecycle))


def test_no_event_of_the_module_is_left_out_of_the_union():
    defined = {
        value for value in vars(events).values() if dataclasses.is_dataclass(value) and hasattr(value, "type")
    }
    assert defined == set(ALL)


def test_wire_types_are_unique():
    assert len({event.type for event in ALL}) == len(ALL)


@pytest.mark.parametrize("event", ALL)
def test_a_wire_type_is_a_thing_and_what_happened_to_it(event):
    thing, _, happened = event.type.partition(".")
    assert thing.islower()
    assert happened.islower() or event.type == "notice"


@pytest.mark.parametrize("event", ALL)
def test_an_event_never_changes(event):
    assert event.__dataclass_params__.frozen


def test_substance_is_output():
    assert set(SUBSTANCE) < set(typing.get_args(Output))
