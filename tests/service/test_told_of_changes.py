"""What others are told while the server reads its configuration again, and while it drains."""

import signal

import pytest

from tests.service.conftest import ask

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "text", ["server:\n  max_queued_runs: 1\n", "server:\n  prot: 1\n"], ids=["fine", "wrong"]
)
def test_a_reload_is_begun_and_done_whatever_came_of_it(service, news, tmp_path, text):
    server = service(NOTIFY_SOCKET=news.address)
    news.until("READY", "1")
    (tmp_path / "clinvk" / "config.yaml").write_text(text)
    server.guardian.send_signal(signal.SIGHUP)
    begun = news.until("RELOADING", "1")[-1]
    assert int(begun["MONOTONIC_USEC"]) > 0
    news.until("READY", "1")
    logged = [line for line in server.lines() if line["logger"] == "clinvk.config"]
    assert ("not reloaded" in logged[-1]["message"]) == ("prot" in text)


def test_who_asks_for_its_health_while_it_drains_is_told_to_go_elsewhere(service, to, tmp_path):
    (tmp_path / "clinvk").mkdir()
    (tmp_path / "clinvk" / "config.yaml").write_text("server:\n  shutdown_grace_secs: 3600\n")
    server = service()
    over = to(server.announced())
    server.start("/hang")
    assert ask(over, "GET", "/health")[0] == 200
    server.guardian.terminate()
    while not ask(over, "GET", "/api/v1/status")[1]["draining"]:
        pass
    status, told = ask(over, "GET", "/health")
    assert (status, told["status"]) == (503, "draining")
