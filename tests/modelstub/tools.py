"""The tools that the CLIs offer to a model, and how each is asked to run, read or write something."""

import json
from typing import Any

from tests.modelstub.directives import Directives

Arguments = dict[str, Any] | str


def call(wanted: Directives, offered: tuple[str, ...]) -> tuple[str, Arguments]:
    """The first offered tool that does what is wanted, with its arguments; else one that nobody offered."""
    makers = {"shell": _run(wanted.cmd), "read": _read(wanted.path), "write": _write(wanted.path)}
    known = makers[wanted.tool]
    name = next((name for name in known if name in offered), wanted.tool)
    return name, known.get(name, {"command": wanted.cmd})


def _run(command: str) -> dict[str, Arguments]:
    return {
        "Bash": {"command": command, "description": "stub"},
        "run_shell_command": {"command": command, "description": "stub"},
        **_codex(command),
    }


def _read(path: str) -> dict[str, Arguments]:
    return {"Read": {"file_path": path}, "read_file": {"file_path": path}, **_codex(f"cat {path}")}


def _write(path: str) -> dict[str, Arguments]:
    patch = f"*** Begin Patch\n*** Add File: {path}\n+stub\n*** End Patch\n"
    arguments = {"file_path": path, "content": "stub\n"}
    return {"Write": arguments, "write_file": arguments, "apply_patch": patch}


def _codex(command: str) -> dict[str, Arguments]:
    """codex has one tool for all of it, under one of these names; `exec` takes JavaScript."""
    script = f"const r = await tools.exec_command({json.dumps({'cmd': command})});"
    return {
        "exec_command": {"cmd": command, "yield_time_ms": 30000},
        "shell_command": {"command": command},
        "shell": {"command": ["bash", "-lc", command]},
        "exec": f"{script} text(r.output ?? JSON.stringify(r));",
    }
