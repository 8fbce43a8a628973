"""A step and the answer before it."""

import pytest

from clinvk.domain.errors import InvalidInput
from clinvk.domain.group import LONGEST_PROMPT, GroupKind, GroupSpec, continued
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
        ("so: {{previous}}", "", "so: "),
        ("nothing of it", "a", "nothing of it"),
        ("{{ previous }} {previous} {{PREVIOUS}}", "a", "{{ previous }} {previous} {{PREVIOUS}}"),
        ("{{{previous}}}", "a", "{a}"),
    ],
)
def test_a_step_is_told_what_the_one_before_it_answered_as_it_is(prompt, answer, told):
    assert continued(step(prompt), answer) == step(told)


@pytest.mark.parametrize(
    ("prompt", "answer", "told"),
    [
        ("{{previous}}", "", "is empty: the step before it answered nothing"),
        ("{{previous}}" * 3, "x" * (LONGEST_PROMPT // 2), f"would have {3 * (LONGEST_PROMPT // 2)} characters"),
        ("{{previous}}" * 400_000, "x" * (2 << 20), f"would have {400_000 * (2 << 20)} characters"),
    ],
    ids=["empty", "long", "endless"],
)
def test_a_prompt_that_would_be_empty_or_too_long_is_refused_before_it_is_made(prompt, answer, told):
    with pytest.raises(InvalidInput) as refused:
        continued(step(prompt), answer)
    (fault,) = refused.value.faults
    assert fault.path == "/prompt"
    assert fault.message.startswith(told)


def test_the_longest_prompt_is_taken():
    assert len(continued(step("{{previous}}!"), "x" * (LONGEST_PROMPT - 1)).prompt) == LONGEST_PROMPT


@pytest.mark.parametrize("kind", GroupKind)
def test_only_the_steps_of_a_chain_continue_each_other(kind):
    assert GroupSpec(kind, (step("a"),), ("/0",), 1).continues is (kind is GroupKind.CHAIN)
