"""Uploads a folder to the Hugging Face Hub, with the token that `hf auth login` or HF_TOKEN has given."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtl.config import UserError
from mtl.text.values import cut

_LONGEST = 200


@dataclass(frozen=True)
class Target:
    """A repository of a `kind` ("model" or "space"), `name` with its owner: whether it is `there`, on the Hub at
    `endpoint`, where the token is `user`'s."""

    name: str
    there: bool
    endpoint: str
    user: str
    kind: str = "space"

    @property
    def question(self) -> str:
        """What to ask before an upload, which makes the repository if it was not there."""
        what = "Upload to the" if self.there else "Make the public"
        return f"{what} {self.kind} {self.name} at {self.endpoint}, as {self.user}?"


def find(name: str, kind: str = "space") -> Target:
    """Ask the Hub who we are and whether there is such a repository. Raises `UserError`, as `push` does."""
    from huggingface_hub import HfApi

    if name.count("/") != 1:
        whose = "--push takes a Space's" if kind == "space" else "mtl push takes a model's"
        raise UserError(f"{whose} owner and name, such as ada/playground; not {name!r}.")
    with _refusals_explained(name):
        api = HfApi()
        user = api.whoami()["name"]
        return Target(name, api.repo_exists(name, repo_type=kind), api.endpoint, user, kind)


def require_terminal(sure: bool) -> None:
    """Raise `UserError` if nobody can be asked and nobody said beforehand that it shall be done."""
    if not (sure or sys.stdin.isatty()):
        raise UserError("There is no terminal to ask on: with --yes it is uploaded without a question.")


def ask(question: str) -> None:
    """Raise `UserError` unless the answer is yes."""
    try:
        agreed = input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        agreed = False
    if not agreed:
        raise UserError("Nothing was made on the Hub or uploaded.")


def push(target: Target, folder: Path, hardware: str | None = None) -> str:
    """Upload all files of `folder` in one commit to the repository, which is made if it was not there; its address.

    Files that are there and not in the folder stay. `hardware`: of a new Space."""
    from huggingface_hub import CommitOperationAdd, HfApi

    with _refusals_explained(target.name):
        api = HfApi()
        if not target.there:
            of_space = {"space_sdk": "gradio", "space_hardware": hardware} if target.kind == "space" else {}
            api.create_repo(target.name, repo_type=target.kind, **of_space)
        files = [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file()]
        # Not by upload_folder, which may make several commits of it: a Space is built anew after each.
        operations = [CommitOperationAdd(name, path) for name, path in files]
        api.create_commit(target.name, operations, commit_message="Upload by MTL Playground", repo_type=target.kind)
        return f"{target.endpoint}/{'spaces/' if target.kind == 'space' else ''}{target.name}"


@contextlib.contextmanager
def _refusals_explained(name: str) -> Iterator[None]:
    """Turn what the Hub says no with, and its absence, into one sentence."""
    from huggingface_hub import errors

    try:
        yield
    except errors.HFValidationError:
        raise UserError(f"The Hub has no names like {name!r}: letters, digits, dots, - and _ alone.") from None
    except errors.LocalTokenNotFoundError:
        raise UserError("No token for the Hub: run hf auth login, or set HF_TOKEN, with one that may write.") from None
    except errors.HfHubHTTPError as error:
        raise UserError(_sentence(name, error.response.status_code, error.server_message or "")) from None
    except (errors.HTTPError, errors.OfflineModeIsEnabled) as error:
        raise UserError(f"The Hub cannot be reached: {cut(str(error), _LONGEST)}") from None


def _sentence(name: str, status: int, said: str) -> str:
    said = cut(" ".join(said.split()), _LONGEST)
    why = f": {said}" if said else "."
    if status == 401:
        return "The Hub does not accept the token: run hf auth login, or set HF_TOKEN, with one that may write."
    if status == 403:
        return f"The token may not write to {name}{why}"
    if status == 404:
        return f"The Hub does not find {name}, or its owner, or does not show it to this token{why}"
    if status == 409:
        return f"Somebody else has just made or changed {name}: try again in a while."
    return f"The Hub refused {name} with status {status}{why}"
