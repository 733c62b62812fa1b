"""A folder for visitors' files that no other user of this computer can look into."""

from __future__ import annotations

import getpass
import os
import tempfile
from pathlib import Path


def private_folder(name: str) -> Path:
    """The folder `name` of this user among the system's temporary files, the same after a restart; made if need be.

    A new one where another user has taken that name.
    """
    folder = Path(tempfile.gettempdir()) / f"{name}-{_user()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
            raise PermissionError
        folder.chmod(0o700)
    except OSError:
        return Path(tempfile.mkdtemp(prefix=f"{name}-"))
    return folder


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
