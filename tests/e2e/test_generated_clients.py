"""Clients that public generators make of /openapi.json import, and work with the real program."""

import importlib
import json
import subprocess
import sys
import warnings
from types import ModuleType

import pytest

from tests.conformance import NO_CLIS
from tests.e2e.conftest import Served

pytestmark = pytest.mark.timeout(240)  # the generators are not quick on a busy machine

PACKAGE = "generated_clinvk_client"
MODELS = "generated_clinvk_models"
HELLO = {"backend": "demo", "prompt": "/big 16"}
MODEL_OPTIONS = (
    "--input-file-type=openapi",
    "--output-model-type=pydantic_v2.BaseModel",
    "--target-python-version=3.11",
    "--use-title-as-name",
    "--formatters=builtin",
    "--disable-timestamp",
)


def generate(module: str, *arguments: object) -> str:
    """Run a generator; what it said."""
    command = [sys.executable, "-I", "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def forget(name: str) -> None:
    for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[module]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("home"), more=NO_CLIS)
    yield server
    server.end()


@pytest.fixture(scope="module")
def folder(served, tmp_path_factory):
    """Where what is generated is put, and the document; Python looks for modules there."""
    folder = tmp_path_factory.mktemp("generated")
    (folder / "openapi.json").write_bytes(served.call("GET", "/openapi.json").read())
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    for name in (PACKAGE, MODELS):
        forget(name)


class Generated:
    """The package, and one client of the program."""

    def __init__(self, port: int) -> None:
        package = importlib.import_module(PACKAGE)
        self.client = package.Client(base_url=f"http://127.0.0.1:{port}", httpx_args={"trust_env": False})
        self.models = importlib.import_module(f"{PACKAGE}.models")

    def call(self, operation: str, *path: str, **arguments: object) -> object:
        """The parsed answer of an operation, by its tag and name."""
        return self.operation(operation).sync(*path, client=self.client, **arguments)

    def operation(self, operation: str) -> ModuleType:
        return importlib.import_module(f"{PACKAGE}.api.{operation}")

    def prompt(self, **fields: object) -> object:
        return self.call("runs.create_prompt", body=self.models.PromptRequest.from_dict({**HELLO, **fields}))


@pytest.fixture(scope="module")
def said(folder):
    """What the generator of the client said."""
    (folder / "config.yaml").write_text("post_hooks: []\n")  # it would format what it wrote
    where = ("--path", folder / "openapi.json", "--output-path", folder / PACKAGE)
    return generate("openapi_python_client", "generate", *where, "--meta=none", "--config", folder / "config.yaml")


@pytest.fixture(scope="module")
def generated(said, served):
    """The client in this process."""
    made = Generated(served.port)
    yield made
    made.client.get_httpx_client().close()


@pytest.mark.e2e
def test_the_generator_understands_the_whole_document(said, folder):
    assert said.split() == ["Generating", str(folder / PACKAGE)]
    document = json.loads((folder / "openapi.json").read_text())
    written = {path.stem.replace("_", "").lower() for path in (folder / PACKAGE / "api").glob("*/[a-z]*.py")}
    operations = {
        told["operationId"].lower()
        for item in document["paths"].values()
        for method, told in item.items()
        if method != "parameters"
    }
    assert written == operations
    objects = {
        title.lower() for title, part in document["components"]["schemas"].items() if "properties" in part
    } - {"exit"}  # a module of Python's own: it is called `exit_`
    assert objects <= {path.stem.replace("_", "").lower() for path in (folder / PACKAGE / "models").glob("*.py")}


@pytest.mark.e2e
def test_an_answer_is_read_as_the_kind_that_it_is(generated):
    answer, shown = generated.prompt(), generated.prompt(dry_run=True)
    assert isinstance(answer, generated.models.PromptAnswer)
    assert (answer.output, int(answer.exit_code), answer.token_usage.output_tokens) == ("the demo backend", 0, 3)
    assert isinstance(shown, generated.models.PromptDryRun)
    assert (shown.dry_run, shown.backend) == (True, "demo")
    failed = generated.prompt(prompt="/fail")
    assert (int(failed.exit_code), failed.error) == (1, "The demo backend failed, as /fail asked it to")


@pytest.mark.e2e
def test_the_server_tells_of_itself_and_of_its_backends(generated):
    health = generated.call("meta.get_health")
    assert isinstance(health, generated.models.Health)
    assert str(health.status) == "ok"
    assert [each.name for each in health.backends if each.available] == ["demo"]
    backends = generated.call("meta.list_backends").backends
    assert [each.name for each in backends] == ["claude", "codex", "gemini", "demo"]
    assert "not installed" in backends[0].reason
    assert generated.call("meta.get_root").name == "clinvk"
    assert generated.call("meta.get_openapi").additional_properties["openapi"] == "3.1.0"


@pytest.mark.e2e
def test_runs_are_listed_told_followed_and_cancelled(generated):
    answer = generated.prompt()
    page = generated.call("runs.list_runs", limit=200, state=generated.models.ListRunsState.COMPLETED)
    assert answer.run_id in {run.id for run in page.runs}
    run = generated.call("runs.get_run", answer.run_id, x_request_id="of-mine")
    assert (run.state, run.backend) == (generated.models.RunState.COMPLETED, "demo")
    assert run.created_at.tzinfo
    stream = generated.call("runs.follow_run", answer.run_id, last_event_id=run.events - 2)
    assert stream.startswith(f"id: {run.events - 1}\nevent: run.finished\ndata: {{")
    (line,) = [line for line in stream.splitlines() if line.startswith("data: ")]
    event = generated.models.RunFinishedEvent.from_dict(json.loads(line.removeprefix("data: ")))
    assert (event.state, int(event.code)) == (generated.models.RunState.COMPLETED, 0)
    hanging = generated.prompt(prompt="/hang", detach=True)
    assert isinstance(hanging, generated.models.Run)
    cancelled = generated.call("runs.cancel_run", hanging.id, wait=20)
    assert (str(cancelled.state), str(cancelled.stop_cause)) == ("cancelled", "client")


@pytest.mark.e2e
def test_a_session_is_gone_on_with_listed_told_and_deleted(generated):
    first = generated.prompt()
    again = generated.prompt(session_id=first.session_id)
    assert str(again.continuation) == "live"
    assert first.session_id in {each.id for each in generated.call("sessions.list_sessions", limit=200).sessions}
    assert generated.call("sessions.get_session", first.session_id).turn_count == 2
    deleted = generated.call("sessions.delete_session", first.session_id)
    assert isinstance(deleted, generated.models.SessionDeleted)
    gone = generated.operation("sessions.get_session").sync_detailed(first.session_id, client=generated.client)
    assert isinstance(gone.parsed, generated.models.Problem)
    assert (gone.status_code, gone.parsed.error.code) == (404, "not_found")


@pytest.mark.e2e
def test_a_refusal_is_read_with_every_fault(generated):
    problem = generated.prompt(backend="unknown", timeout_secs=-1, prompt="")
    assert isinstance(problem, generated.models.Problem)
    assert (problem.status, problem.title) == (400, "Invalid Request")
    assert {fault.path for fault in problem.errors} == {"/prompt", "/timeout_secs"}
    unknown = generated.prompt(backend="unknown")
    assert (unknown.type_, unknown.detail) == (
        "https://api.clinvk.dev/errors/backend-not-found",
        "The requested backend 'unknown' is not available",
    )


@pytest.mark.e2e
def test_many_prompts_are_answered_in_their_own_kinds(generated):
    models = generated.models
    parallel = generated.call(
        "groups.create_parallel", body=models.ParallelRequest(tasks=[models.Task.from_dict(HELLO)] * 2)
    )
    assert isinstance(parallel, models.ParallelAnswer)
    assert [result.output for result in parallel.results] == ["the demo backend"] * 2
    of_group = generated.call("runs.list_runs", group_id=parallel.group_id).runs
    assert {run.id for run in of_group} == {result.run_id for result in parallel.results}
    steps = [models.Step.from_dict({**HELLO, "name": "draft"})]
    chain = generated.call("groups.create_chain", body=models.ChainRequest(steps=steps))
    assert isinstance(chain, models.ChainAnswer)
    assert [(result.step, result.name) for result in chain.results] == [(1, "draft")]
    body = models.CompareRequest(prompt="/big 16", backends=["demo"])
    compared = generated.call("groups.create_compare", body=body)
    assert isinstance(compared, models.CompareAnswer)
    shown = generated.call(
        "groups.create_compare", body=models.CompareRequest(**{**_fields(body), "dry_run": True})
    )
    assert isinstance(shown, models.GroupDryRun)
    stopped = generated.call("groups.cancel_group", parallel.group_id)
    assert (stopped.ended, stopped.live, stopped.total) == (True, 0, 2)


def _fields(body):
    return {"prompt": body.prompt, "backends": body.backends}


@pytest.fixture(scope="module")
def models(folder):
    """pydantic's models of the objects."""
    where = (f"--input={folder / 'openapi.json'}", f"--output={folder / MODELS}.py")
    assert generate("datamodel_code_generator", *where, *MODEL_OPTIONS) == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return importlib.import_module(MODELS)


@pytest.mark.e2e
def test_models_of_pydantic_read_every_event_and_every_answer(models, served):
    answer = models.PromptResponse.model_validate(served.prompt("/big 16")).root
    assert (type(answer), answer.output) == (models.PromptAnswer, "the demo backend")
    assert type(models.PromptResponse.model_validate(served.prompt("x", dry_run=True)).root) is models.PromptDryRun
    page = models.RunList.model_validate(served.json("GET", "/api/v1/runs"))
    assert page.runs[0].id == answer.run_id
    run = models.Run.model_validate(served.json("GET", f"/api/v1/runs/{answer.run_id}"))
    events = [models.Event.model_validate_json(line).root for line in served.stream("/ask") if line.strip()]
    kinds = {type(event).__name__ for event in events}
    assert kinds >= {"RunQueuedEvent", "TextDeltaEvent", "ApprovalAskedEvent", "ApprovalAnsweredEvent"}
    assert type(events[-1]) is models.RunFinishedEvent
    assert run.state is models.RunState.completed
    problem = models.Problem.model_validate(served.json("POST", "/api/v1/prompt", {}))
    assert [fault.path for fault in problem.errors] == ["/backend", "/prompt"]
    for schema, path in ((models.Health, "/health"), (models.Root, "/"), (models.BackendList, "/api/v1/backends")):
        schema.model_validate(served.json("GET", path))
    many = {"tasks": [HELLO, {**HELLO, "prompt": "/fail"}]}
    told = models.ParallelResponse.model_validate(served.json("POST", "/api/v1/parallel", many)).root
    assert [result.exit_code.value for result in told.results] == [0, 1]


@pytest.mark.e2e
def test_models_of_pydantic_refuse_what_the_server_refuses(models):
    with pytest.raises(ValueError, match="session_id"):
        models.Task.model_validate({**HELLO, "session_id": "ses_1"})
    with pytest.raises(ValueError, match="promt"):
        models.PromptRequest.model_validate({**HELLO, "promt": "x"})
