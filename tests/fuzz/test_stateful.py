"""Runs, re-runs and replays in any order, against backends of any mood: no report is lost.

Every deployment that was ever reported is at its backend, or saved, or both; and what is at
the backend is what was saved, byte by byte, once.
"""

import contextlib
import io
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from dora_deployments.delivery.retry import Pace
from dora_deployments.main import main
from tests.builders import payload_file
from tests.end_to_end import receivers
from tests.end_to_end.audit import KEY, SECRETS, TOKEN
from tests.end_to_end.runner import environment
from tests.report import runner

FOLDER = "dora-undelivered"
EVENT = payload_file("deployment_status.success")
PACE = Pace(attempts=3, base=0.001, cap=0.002, connect_timeout=20, read_timeout=20)
REPOSITORIES = ("acme/cart", "acme/shop")
SERVICES = ("shop", "caf\u00e9")
# A mood is how a backend takes a request: whether it records it, and what it answers then.
UP = "up"
DOWN = "down"
FALTERS = "falters"  # at the first attempt of each body
RECORDS = {
    "records, and breaks the connection": None,
    "records, and answers 503": (503, {}),
    "records, and mumbles": (200, {"what": "ever"}),
    UP: (),
}
REFUSES = {
    "refuses with 400": (400, {"errors": ["no"]}),
    "refuses with 401": (401, {"ok": False, "error": "not_authed"}),
    "refuses with 429": (429, {}),
    "mumbles": (200, {"what": "ever"}),
    FALTERS: (503, {}),
}
MOODS = (DOWN, *RECORDS, *REFUSES)


class Moody(receivers._Receiver):
    """Records only what it judges itself; `received` are the requests that it judged."""

    mood = UP

    def __init__(self, **known):
        super().__init__(**known)
        self._faltered = set()

    def _handle(self, connection):
        if self.mood != DOWN:
            super()._handle(connection)

    def _receive(self, request):
        mood = self.mood
        if mood == FALTERS and request.body in self._faltered:
            mood = UP
        if mood in REFUSES:
            self._faltered.add(request.body)
            status, answer = REFUSES[mood]
            return receivers.Received(
                method=request.method,
                path=request.path,
                headers=request.headers,
                body=request.body,
                json=request.json,
                status=status,
                answer=answer,
            )
        received = super()._receive(request)
        reply = RECORDS[mood]
        if reply is None:
            raise ConnectionResetError
        return replace(received, status=reply[0], answer=reply[1]) if reply else received


class MoodyDatadog(Moody, receivers.Datadog):
    pass


class MoodyDx(Moody, receivers.Dx):
    pass


def something_is_saved(machine):
    return any(machine.texts(repository) for repository in REPOSITORIES)


class Reports(RuleBasedStateMachine):
    """Two repositories, each with a workspace that stays, and the two backends."""

    def __init__(self):
        super().__init__()
        self._stack = contextlib.ExitStack()
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        datadog = self._stack.enter_context(MoodyDatadog(api_key=KEY))
        dx = self._stack.enter_context(MoodyDx(token=TOKEN))
        self._servers = {"datadog": datadog, "dx": dx}
        for repository in REPOSITORIES:
            self._workspace(repository).mkdir(parents=True)
        self._attempts = {}
        # What was ever reported, and what each of it was sent as, by backend and id.
        self._reported = {}
        self._bytes = {}
        # Texts that this test wrote itself, which are not to be taken.
        self._planted = set()

    def teardown(self):
        self._stack.close()

    # --- what happens

    @rule(
        number=st.integers(1, 3),
        repository=st.sampled_from(REPOSITORIES),
        services=st.sampled_from([SERVICES, SERVICES[:1], SERVICES[::-1]]),
    )
    def report(self, number, repository, services):
        attempt = self._attempts[number, repository] = (
            self._attempts.get((number, repository), 0) + 1
        )
        deployment = {**EVENT["deployment"], "id": number, "sha": f"{number:040x}"}
        outputs, exit_code = self._run(
            repository,
            {**EVENT, "deployment": deployment},
            {"service": ",".join(services)},
            {"GITHUB_RUN_ATTEMPT": str(attempt)},
        )
        results = json.loads(outputs["results"])
        ids = json.loads(outputs["deployment-ids"])
        assert len(ids) == len(services)
        assert {(each["backend"], each["id"]) for each in results} == {
            (backend, each) for backend in self._servers for each in ids.values()
        }
        assert exit_code == int(any(each["status"] == "rejected" for each in results))
        for each in results:
            self._reported[each["backend"], each["id"]] = repository
            file = self._workspace(repository) / FOLDER / f"{each['id']}-{each['backend']}.json"
            recorded = each["status"] in {"delivered", "duplicate"}
            assert recorded or file.exists()
            assert not recorded or self._is_recorded(each["backend"], each["id"])

    @initialize(of_datadog=st.sampled_from(MOODS), of_dx=st.sampled_from(MOODS))
    def begin(self, of_datadog, of_dx):
        self._servers["datadog"].mood = of_datadog
        self._servers["dx"].mood = of_dx

    @rule(backend=st.sampled_from(["datadog", "dx"]), mood=st.sampled_from(MOODS))
    def change_mood(self, backend, mood):
        self._servers[backend].mood = mood

    @rule()
    def mend(self):
        for server in self._servers.values():
            server.mood = UP

    @rule(repository=st.sampled_from(REPOSITORIES))
    def replay(self, repository):
        before = self.texts(repository)
        good = {path for path, text in before.items() if text not in self._planted}
        outputs, exit_code = self._run(repository, EVENT, {"mode": "replay"}, {})
        after = self.texts(repository)
        results = json.loads(outputs["results"])
        refused = len(before) - len(good)
        # A report is sent once, however many copies of its file there are.
        files = [json.loads(before[path]) for path in good]
        reports = [(file["backend"].lower(), file["id"]) for file in files]
        assert sorted((each["backend"], each["id"]) for each in results) == sorted({*reports})
        lost = [each for each in results if each["status"] in {"rejected", "undelivered"}]
        # What is lost or refused stays as it is, and all else goes.
        assert after.items() <= before.items()
        assert len(after) == refused + sum(
            reports.count((each["backend"], each["id"])) for each in lost
        )
        assert set(before) - set(after) <= good
        assert outputs["undelivered-path"].startswith(FOLDER if lost else "")
        if not before:
            assert (outputs["reason"], exit_code) == ("nothing-to-replay", 0)
        elif refused:
            assert (outputs["reason"], exit_code) == ("bad-input", 2)
        else:
            assert exit_code == int(any(each["status"] == "rejected" for each in lost))
        if all(server.mood in {UP, FALTERS} for server in self._servers.values()):
            assert lost == []

    @precondition(something_is_saved)
    @rule()
    def replay_in_another_repository(self):
        of, other = REPOSITORIES
        before = self.texts(of), self._arrived()
        outputs, exit_code = self._run(of, EVENT, {"mode": "replay"}, {"GITHUB_REPOSITORY": other})
        assert (self.texts(of), self._arrived()) == before
        assert (outputs["results"], exit_code) == ("[]", 2 if before[0] else 0)

    @precondition(something_is_saved)
    @rule(
        repository=st.sampled_from(REPOSITORIES),
        change=st.sampled_from(
            [("production", "staging"), ('"format": 1', '"format": 2'), ("{", "[")]
        ),
        name=st.sampled_from(["planted.json", "deep/planted.json"]),
    )
    def plant(self, repository, change, name):
        """Write a changed copy of a saved file."""
        texts = [text for text in self.texts(repository).values() if text not in self._planted]
        for text in texts[:1]:
            changed = text.replace(*change, 1)
            self._planted.add(changed)
            self._write(repository, name, changed)

    @precondition(something_is_saved)
    @rule(repository=st.sampled_from(REPOSITORIES))
    def copy(self, repository):
        """Put every file a second time, as if it were downloaded again."""
        for path, text in self.texts(repository).items():
            self._write(repository, f"again/{path.name}", text)

    @precondition(something_is_saved)
    @rule(repository=st.sampled_from(REPOSITORIES))
    def clear_what_was_planted(self, repository):
        for path, text in self.texts(repository).items():
            if text in self._planted:
                path.unlink()

    # --- what must hold

    @invariant()
    def nothing_is_lost(self):
        saved = {
            (backend, id_)
            for repository in REPOSITORIES
            for backend, id_, _ in self._saved(repository)
        }
        for backend, id_ in self._reported:
            assert self._is_recorded(backend, id_) or (backend, id_) in saved

    @invariant()
    def every_attempt_has_the_same_bytes(self):
        sent = [
            (name, id_of(name, each.json), each.body)
            for name, server in self._servers.items()
            for each in server.received
        ]
        for repository in REPOSITORIES:
            sent += self._saved(repository)
        for backend, id_, body in sent:
            assert self._bytes.setdefault((backend, id_), body) == body

    @invariant()
    def each_backend_takes_all_that_it_is_sent(self):
        # It would refuse what is meant for the other, or changed from one attempt to the next.
        taken = {"datadog": {202}, "dx": {200}}
        for name, server in self._servers.items():
            assert {each.status for each in server.received} <= taken[name]

    @invariant()
    def no_deployment_has_two_ids(self):
        for name, server in self._servers.items():
            bodies = {id_of(name, each.json): each.body for each in server.received}
            keys = {"datadog": "id", "dx": "reference_id"}
            told = [without(json.loads(body), keys[name]) for body in bodies.values()]
            assert len(told) == len(set(told))

    @invariant()
    def no_file_holds_a_key(self):
        for repository in REPOSITORIES:
            for text in self.texts(repository).values():
                assert not any(secret in text for secret in SECRETS)

    # --- how

    def _workspace(self, repository):
        return self._folder / repository

    def _write(self, repository, name, text):
        path = self._workspace(repository) / FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def texts(self, repository):
        folder = self._workspace(repository) / FOLDER
        return {path: path.read_text("utf-8") for path in sorted(folder.rglob("*.json"))}

    def _saved(self, repository):
        """Return the backend, id and body of every good file."""
        found = []
        for text in self.texts(repository).values():
            if text not in self._planted:
                fields = json.loads(text)
                (request,) = fields["requests"]
                body = json.dumps(request["body"]).encode()
                found.append((fields["backend"].lower(), fields["id"], body))
        return found

    def _arrived(self):
        return [len(server.received) for server in self._servers.values()]

    def _is_recorded(self, backend, id_):
        server = self._servers[backend]
        return id_ in {id_of(backend, each.json) for each in server.received}

    def _run(self, repository, event, inputs, variables):
        given = {
            "datadog-api-key": KEY,
            "datadog-site": self._servers["datadog"].url,
            "dx-token": TOKEN,
            "dx-instance": self._servers["dx"].url,
            **inputs,
        }
        known = {"id": REPOSITORIES.index(repository) + 1, "full_name": repository}
        content = json.dumps({**event, "repository": {**event["repository"], **known}})
        environ = {
            **environment(self._folder, "deployment_status", content.encode(), given),
            "GITHUB_REPOSITORY": repository,
            "GITHUB_WORKSPACE": str(self._workspace(repository)),
            **variables,
        }
        for name in ("output", "summary.md"):
            (self._folder / name).write_bytes(b"")
        with contextlib.redirect_stdout(io.StringIO()) as log:
            exit_code = main(environ, PACE)
        outputs = runner.outputs((self._folder / "output").read_text("utf-8"))
        assert outputs["reason"] != "internal-error", log.getvalue()
        assert "::warning title=Internal" not in log.getvalue()
        return outputs, exit_code


def id_of(backend, body):
    return body["reference_id"] if backend == "dx" else body["data"]["attributes"]["id"]


def without(body, key):
    """Return the JSON of a deployment without its id, which no other one must have."""
    attributes = body.get("data", {}).get("attributes", body)
    return json.dumps({name: value for name, value in attributes.items() if name != key})


TestReports = Reports.TestCase
TestReports.pytestmark = [pytest.mark.fault(54, 55, 99), pytest.mark.threat(19)]
TestReports.settings = settings(
    max_examples=12,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
