"""Settings: defaults < file < environment < flags. Only the app and the commands see them whole."""

from clinvk.settings.effective import Effective
from clinvk.settings.faults import BadSettings
from clinvk.settings.keys import SCHEMA
from clinvk.settings.loading import effective, load
from clinvk.settings.model import (
    RESTART,
    BackendSettings,
    OutputSettings,
    ParallelSettings,
    PoolSettings,
    ServerSettings,
    SessionSettings,
    Settings,
    UnifiedFlags,
    changes,
)
from clinvk.settings.places import Places, places

__all__ = [
    "RESTART",
    "SCHEMA",
    "BackendSettings",
    "BadSettings",
    "Effective",
    "OutputSettings",
    "ParallelSettings",
    "Places",
    "PoolSettings",
    "ServerSettings",
    "SessionSettings",
    "Settings",
    "UnifiedFlags",
    "changes",
    "effective",
    "load",
    "places",
]
