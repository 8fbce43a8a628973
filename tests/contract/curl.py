"""The documents' commands, sent to a server."""

import json
import re
import subprocess

from tests.e2e.conftest import DEADLINE

DOES = re.compile(r'"type": ?"(run.started|text.delta|run.finished)"')


def placed(command, served, ids, seconds):
    """A documented command, to be sent to this server, with these ids in the places of their names."""
    told = command.replace("localhost:8080", f"localhost:{served.port}")
    for name, value in ids.items():
        told = told.replace(name, value)
    return told.replace("curl ", f"curl --max-time {seconds} --no-progress-meter ", 1)


def said(lines):
    """What is in what it prints. A stream that is cut off ends with a whole line all the same."""
    return [json.loads(line.removeprefix("data: ")) for line in lines if "{" in line]


def run(command, served, ids, seconds=DEADLINE):
    """What a documented command prints."""
    told = placed(command, served, ids, seconds)
    return said(subprocess.run(told, shell=True, capture_output=True, text=True, check=False).stdout.splitlines())


def follow(command, served, ids):
    """What one prints that follows a run, up to what the run does first: it is to be under way afterwards."""
    told, lines = placed(command, served, ids, DEADLINE), []
    with subprocess.Popen(f"exec {told}", shell=True, stdout=subprocess.PIPE, text=True) as curl:
        for line in curl.stdout:
            lines.append(line)
            if DOES.search(line):
                break
        curl.terminate()
    return said(lines)


def send_plain(command, served, ids):
    if command.endswith("/RUN_ID/events"):
        return follow(command, served, ids)
    if "/slow" in command and '"detach": true' in command:  # it is stopped, however late that is
        command = command.replace("/slow a long one", "/steady 4 60")
    # Of all runs nothing is told while there are none, and it has no end.
    return run(command, served, ids, 1 if command.endswith("/v1/events") else DEADLINE)
