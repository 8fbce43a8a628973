"""clinvk serve."""

import argparse
import asyncio
import os
from collections.abc import Mapping
from functools import partial

from clinvk import app, settings
from clinvk.commands.refusing import refuse
from clinvk.schemas import Schemas
from clinvk.settings.loading import KEYS_VARIABLE
from clinvk.telemetry import logging


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Serve until asked to end; the exit code."""
    logging.configure(options.log_level, options.log_format)
    flags = {"server.host": options.host, "server.port": options.port}
    environment = dict(environment)  # read again and again, and more than what the children are to see
    os.environ.pop(KEYS_VARIABLE, None)
    try:
        places = settings.places(options.config, environment)
        load = partial(settings.load, Schemas(), places.home, places.named, flags, environment)
        asyncio.run(app.serve(load, log_content=options.log_content, console=options.tui))
    except settings.BadSettings as error:
        return refuse(error, 3)
    except app.CannotServe as error:
        return refuse(error, 1)
    return 0
