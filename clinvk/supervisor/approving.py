"""Answering what a CLI asks leave for: by the modes of the run alone, as nobody is there to be asked."""

import os
from dataclasses import replace

from clinvk.domain.approvals import Verdict, decide
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import RunSpec


def verdict(spec: RunSpec, ask: ApprovalAsked) -> Verdict:
    """What the modes of `spec` say to it. A link leads where it leads."""
    paths = tuple(os.path.realpath(os.path.join(spec.workdir, path)) for path in ask.paths)  # noqa: PTH118
    return decide(spec.approval_mode, spec.sandbox_mode, replace(ask, paths=paths), spec.workdir)
