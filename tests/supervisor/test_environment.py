"""What a child sees of the server's environment, and what it must not see."""

import socket

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
        "http://[::]:8080",
        "http://localhost.:8080",
        "http://api.localhost:8080",
        "HTTP://127.0.0.1:8080",
        "http://[0:0:0:0:0:0:0:1]:8080",
        f"http://{socket.gethostname()}:8080/anthropic",
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
        "ftp://127.0.0.1:8080",
        "",
    ],
)
def test_one_that_leads_elsewhere_stays(value):
    own = {"ANTHROPIC_BASE_URL": value, "ANTHROPIC_API_KEY": "mine"}
    assert environment.leading_back(own, {8080}) == []


def test_a_url_without_a_port_has_the_usual_one():
    own = {"OPENAI_BASE_URL": "http://localhost/openai/v1", "OPENAI_API_KEY": "not-needed"}
    assert environment.leading_back(own, {80}) == ["OPENAI_API_KEY", "OPENAI_BASE_URL"]
    assert environment.leading_back(own, {443}) == []


def test_a_machine_whose_name_nobody_knows_is_known_by_it(monkeypatch):
    def fail(_):
        raise OSError

    monkeypatch.setattr(socket, "gethostname", lambda: "nowhere")
    monkeypatch.setattr(socket, "gethostbyname_ex", fail)
    assert environment.leading_back({"OPENAI_BASE_URL": "http://nowhere:8080"}, {8080}) == ["OPENAI_BASE_URL"]
