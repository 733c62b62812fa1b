"""Uploads the folder of a Space to the Hugging Face Hub, with the token that `hf auth login` or HF_TOKEN has given."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mtl.config import UserError
from mtl.text.values import cut

_LONGEST = 200


@dataclass(frozen=True)
class Target:
    """A Space, `name` with its owner: whether it is `there`, on the Hub at `endpoint`, where the token is `user`'s."""

    name: str
    there: bool
    endpoint: str
    user: str


def find(name: str) -> Target:
    """Ask the Hub who we are and whether there is such a Space. Raises `UserError`, as `push` does."""
    from huggingface_hub import HfApi

    if name.count("/") != 1:
        raise UserError(f"--push takes a Space's owner and name, such as ada/playground; not {name!r}.")
    with _refusals_explained(name):
        api = HfApi()
        user = api.whoami()["name"]
        return Target(name, api.repo_exists(name, repo_type="space"), api.endpoint, user)


def push(target: Target, folder: Path, hardware: str) -> str:
    """Upload all files of `folder` in one commit to the Space, which is made if it was not there; its address.

    Files that are there and not in the folder stay."""
    from huggingface_hub import CommitOperationAdd, HfApi

    with _refusals_explained(target.name):
        api = HfApi()
        if not target.there:
            api.create_repo(target.name, repo_type="space", space_sdk="gradio", space_hardware=hardware)
        files = [(path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")) if path.is_file()]
        # Not by upload_folder, which may make several commits of it: a Space is built anew after each.
        operations = [CommitOperationAdd(name, path) for name, path in files]
        api.create_commit(target.name, operations, commit_message="Upload by mtl space", repo_type="space")
        return f"{target.endpoint}/spaces/{target.name}"


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
