"""A step and the answer before it."""

import pytest

from clinvk.domain.group import GroupKind, GroupSpec, continued
from clinvk.domain.spec import RunSpec


def step(prompt):
    return RunSpec("demo", prompt, "/")


@pytest.mark.parametrize(
    ("prompt", "answer", "told"),
    [
        ("review: {{previous}}", "fine", "review: fine"),
        ("{{previous}}{{previous}}", "a", "aa"),
        ("{{previous}}", "use {{previous}} twice: {{previous}}", "use {{previous}} twice: {{previous}}"),
        ("{{previous}}", r"\1 \g<0> $1 {0} %s {name}", r"\1 \g<0> $1 {0} %s {name}"),
        ("{{previous}}", "", ""),
        ("nothing of it", "a", "nothing of it"),
        ("{{ previous }} {previous} {{PREVIOUS}}", "a", "{{ previous }} {previous} {{PREVIOUS}}"),
        ("{{{previous}}}", "a", "{a}"),
    ],
)
def test_a_step_is_told_what_the_one_before_it_answered_as_it_is(prompt, answer, told):
    assert continued(step(prompt), answer) == step(told)


@pytest.mark.parametrize("kind", GroupKind)
def test_only_the_steps_of_a_chain_continue_each_other(kind):
    assert GroupSpec(kind, (step("a"),), ("/0",), 1).continues is (kind is GroupKind.CHAIN)
