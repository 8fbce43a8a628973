"""clinvk serve."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from clinvk import app, settings
from clinvk.schemas import Schemas
from clinvk.telemetry import logging


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Serve until asked to end; the exit code."""
    logging.configure(options.log_level, options.log_format)
    home = Path(environment.get("CLINVK_HOME") or Path.home() / ".clinvk")
    named = options.config or environment.get("CLINVK_CONFIG")
    flags = {"host": options.host, "port": options.port}
    try:
        chosen = settings.load(Schemas(), home, Path(named) if named else None, flags)
        asyncio.run(app.serve(chosen, log_content=options.log_content))
    except settings.BadSettings as error:
        return _refuse(error, 3)
    except app.CannotServe as error:
        return _refuse(error, 1)
    return 0


def _refuse(error: Exception, code: int) -> int:
    print(f"clinvk: {error}", file=sys.stderr)  # noqa: T201
    return code
