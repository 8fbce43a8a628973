"""Streams of a run's events: their form, their pace, their end, and their readers' manners."""

import asyncio
import json
import socket

import pytest
from conftest_types import sse_events

from clinvk.api import streams
from clinvk.api.routes import JSON, SSE, Answer, Route
from clinvk.api.services import Bounds
from clinvk.api.table import ROUTES
from clinvk.domain.run import RunState, StopCause
