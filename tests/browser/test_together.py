"""A class does the same thing in the same second: each gets the right answer, and nobody another's."""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

LEARNERS = 30
TABLE = "text,mood\n" + "".join(
    f"Sentence number {i} of the teacher's file,{('warm', 'cold')[i % 2]}\n" for i in range(40)
)


class Learner:
    """One page, as the server sees it: a session of its own that uploads files and sends events."""

    def __init__(self, url: str, config: dict) -> None:
        self._url, self._config = f"{url}gradio_api/", config
        self._session = secrets.token_hex(6)
        self._http = httpx.Client(timeout=120)

    def upload(self, name: str, content: bytes) -> dict:
        answer = self._http.post(self._url + "upload", files={"files": (name, content)})
        [path] = answer.raise_for_status().json()
        return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def send(self, element: str, event: str, *values: object) -> str:
        """What the server answers to an event of the element of this id, all versions of it, as text."""
        number = self._event(element, event)
        body = {"data": values, "fn_index": number, "session_hash": self._session}
        self._http.post(self._url + "queue/join", json=body).raise_for_status()
        said = []
        with self._http.stream("GET", self._url + "queue/data", params={"session_hash": self._session}) as stream:
            for line in stream.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if message.get("msg") in ("process_generating", "process_completed"):
                    assert message["success"], message
                    said.append(json.dumps(message["output"], ensure_ascii=False))
                if message.get("msg") == "close_stream":
                    return "".join(said)
        raise AssertionError("The stream ended before the event did.")

    def ask(self, **question: object) -> dict:
        """What the page's own question is answered with."""
        [component] = [c["id"] for c in self._config["components"] if c["props"].get("elem_id") == "news"]
        body = {"data": question, "component_id": component, "fn_name": "answer", "session_hash": self._session}
        return self._http.post(self._url + "component_server/", json=body).raise_for_status().json()

    def arrive(self) -> None:
        """Say whose page it is, as every page does when it has loaded."""
        [number] = [d["id"] for d in self._config["dependencies"] if d["js"] == "mtl.arrive"]
        body = {"data": ["", False, ""], "fn_index": number, "session_hash": self._session}
        self._http.post(self._url + "queue/join", json=body).raise_for_status()
        with self._http.stream("GET", self._url + "queue/data", params={"session_hash": self._session}) as stream:
            messages = [json.loads(line.removeprefix("data:")) for line in stream.iter_lines() if line]
        assert [m["success"] for m in messages if m["msg"] == "process_completed"] == [True]

    def _event(self, element: str, event: str) -> int:
        [component] = [c["id"] for c in self._config["components"] if c["props"].get("elem_id") == element]
        [number] = [d["id"] for d in self._config["dependencies"] if [component, event] in map(list, d["targets"])]
        return number


@pytest.fixture(scope="module")
def learners(server):
    config = httpx.get(f"{server}config").json()
    learners = [Learner(server, config) for _ in range(LEARNERS)]
    with ThreadPoolExecutor(LEARNERS) as pool:
        [*pool.map(Learner.arrive, learners)]
    return learners


def together(learners, do):
    with ThreadPoolExecutor(LEARNERS) as pool:
        return [*pool.map(do, learners)]


def test_the_teachers_file_in_the_box(learners):
    def drop(learner):
        learner.send("file", "upload", learner.upload("teacher.csv", TABLE.encode()))
        return learner.ask(file=True)["status"]

    answers = together(learners, drop)
    assert [("40 sentences · one pass" in answer, "teacher.csv: 40 sentences." in answer) for answer in answers] == [
        (True, True)
    ] * LEARNERS


def test_everybody_types_at_once_and_gets_their_own(learners):
    def ask(learner):
        mine = f"Sentence of learner {learners.index(learner)}."
        return learner.ask(lines=f"{mine}\nA sentence of everybody's.")["texts"][0] == mine

    assert together(learners, ask) == [True] * LEARNERS


def test_the_teachers_file_in_train(learners):
    def drop(learner):
        return learner.send("data-file", "upload", learner.upload("teacher.csv", TABLE.encode()))

    answers = together(learners, drop)
    assert not [answer for answer in answers if "status bad" in answer]

    def read_again(learner):
        return learner.send("data-reset", "click")

    assert not [answer for answer in together(learners, read_again) if "status bad" in answer or "No file" in answer]


def test_the_teachers_checkpoint(learners, tmp_path):
    import mtl
    from mtl import archive, checkpoint
    from mtl.config import ModelConfig, TaskSpec

    base = mtl.load(dtype="float32")
    model = checkpoint.derive(base, ModelConfig(tasks=(TaskSpec("mood", "classification", ("warm", "cold")),)))
    checkpoint.save(model, tmp_path / "teacher")
    archive.write(tmp_path / "teacher", tmp_path / "teacher.zip", "teacher")
    packed = Path(tmp_path / "teacher.zip").read_bytes()

    def drop(learner):
        return learner.send("checkpoint", "upload", learner.upload("teacher.zip", packed))

    answers = together(learners, drop)
    assert ["mood" in answer and "status bad" not in answer for answer in answers] == [True] * LEARNERS
