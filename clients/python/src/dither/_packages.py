"""Packages of others that are asked for by what needs them."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import MissingPackage


def needed(name: str, by: str, package: str = "") -> Any:
    """The module, or an error that names the package to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = package or name.split(".")[0]
        raise MissingPackage(
            f"{by} needs the package {package}, which cannot be imported ({error}); pip install {package}"
        ) from error
