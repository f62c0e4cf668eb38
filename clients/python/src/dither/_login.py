"""The server and the token that ``dither login`` keeps for this user."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from typing import Mapping, Optional

from .errors import InvalidArgument

# More than any has.
_MOST_BYTES = 64 << 10


@dataclass(frozen=True, repr=False)
class Login:
    """Its token is for its address alone."""

    address: str
    token: Optional[str]
    ca: Optional[str]
    certificate: Optional[str] = None
    key: Optional[str] = None


def kept(environment: Mapping[str, str]) -> Optional[Login]:
    """What is kept in ``login.json`` below ``XDG_CONFIG_HOME``, else ``~/.config``; none where there is no such file.

    Raises ``InvalidArgument`` where others may read it, or it is another file.
    """
    folder = environment.get("XDG_CONFIG_HOME") or os.path.join(
        environment.get("HOME") or os.path.expanduser("~"), ".config")
    path = os.path.join(folder, "dither", "login.json")
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InvalidArgument(f"{path}: expected the file of `dither login`, got {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if os.name == "posix" and facts.st_mode & 0o077:
            raise InvalidArgument(
                f"{path}: expected a file of its owner alone, as it holds a token, got mode "
                f"{stat.S_IMODE(facts.st_mode):o}; chmod 600 {path}")
        try:
            if not stat.S_ISREG(facts.st_mode) or facts.st_size > _MOST_BYTES:
                raise ValueError
            found = json.loads(file.read(_MOST_BYTES))
            address = found["address"]
            others = [found.get(name) for name in ("token", "ca", "certificate", "key")]
            if not isinstance(address, str) or not all(one is None or isinstance(one, str) for one in others):
                raise ValueError
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidArgument(
                f"{path}: expected the file of `dither login`, got other text; log in again, or `dither logout`"
            ) from None
    return Login(address, *(one or None for one in others))
