"""What a child sees of the server's environment, and what it must not see."""

import pytest

from clinvk.supervisor import environment


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/anthropic",
        "http://localhost:8080/openai/v1",
        "https://[::1]:8080",
        "http://127.8.9.1:8080/",
        "http://0.0.0.0:8080/x",
    ],
)
def test_a_variable_that_leads_back_to_the_server_is_found_with_its_keys(url):
    own = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "not-needed", "OPENAI_API_KEY": "k", "HOME": "/"}
    assert environment.leading_back(own, {8080}) == ["ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"]


@pytest.mark.parametrize(
    "value",
    [
        "http://127.0.0.1:8081/anthropic",
        "https://api.example.com:8080",
        "http://127.0.0.1/",
        "http://[::1",
        "http://localhost:x",
        "8080",
        "",
    ],
)
def test_one_that_leads_elsewhere_stays(value):
    own = {"ANTHROPIC_BASE_URL": value, "ANTHROPIC_API_KEY": "mine"}
    assert environment.leading_back(own, {8080}) == []
