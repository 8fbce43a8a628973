"""Every session whose id was received outlives the server, whenever that is killed."""

import http.client
import json
import os
import queue
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.e2e.conftest import DEADLINE, SOAK, Served

pytestmark = pytest.mark.e2e

ROUNDS = 200 if SOAK else 3
CLIENTS = 3


def asked(port, method, path, body=None):
    """The JSON of an answer, None where the server died before it was whole."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)) as connection:
        try:
            sent = None if body is None else json.dumps(body)
            connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return None


def prompt_until_dead(port, received):
    """One prompt after the other, each in a session of its own; the ids that were answered."""
    while answer := asked(port, "POST", "/api/v1/prompt", {"backend": "demo", "prompt": "hello"}):
        status, body = answer
        assert status == 200, body
        received.put(body["session_id"])


def spin(rounds):
    for _ in range(rounds):
        pass


def killed_at_work(served, chance):
    """Ids of the sessions that clients had heard of when the server was killed, some answers and a moment on."""
    received = queue.SimpleQueue()
    heard = []
    with ThreadPoolExecutor(CLIENTS) as clients:
        working = [clients.submit(prompt_until_dead, served.port, received) for _ in range(CLIENTS)]
        try:
            heard += [received.get(timeout=DEADLINE) for _ in range(chance.randrange(6))]
            spin(chance.randrange(chance.choice((1, 100_000, 1_000_000))))
        finally:  # it is what ends the clients
            os.kill(served.pid, signal.SIGKILL)
        for client in working:
            client.result(DEADLINE)
    served.guardian.wait(DEADLINE)
    while not received.empty():
        heard.append(received.get())
    return heard


def missing(served, ids):
    """Those of `ids` that the server knows nothing of."""
    answers = {id_: asked(served.port, "GET", f"/api/v1/sessions/{id_}") for id_ in ids}
    return {id_: answer for id_, answer in answers.items() if answer[0] != 200 or answer[1]["id"] != id_}


@pytest.mark.timeout(ROUNDS * 15)
def test_every_session_whose_id_was_received_outlives_sigkill_at_any_instant(tmp_path):
    known = []
    for round_ in range(ROUNDS):
        served = Served(tmp_path)
        try:
            assert missing(served, known[-30:]) == {}
            known += killed_at_work(served, random.Random(round_))
        finally:
            served.end()
    served = Served(tmp_path)
    try:
        assert known
        assert missing(served, known) == {}
    finally:
        served.end()
    print(f"{ROUNDS} kills, {len(known)} sessions, none lost")
