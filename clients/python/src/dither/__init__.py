"""Client of the Dither server: predictions with Monte-Carlo uncertainty, audits of robustness, a model registry.

    import dither
    model = dither.connect().model("fashion-mlp-noise")
    print(model.predict(picture, samples=64))

``dither.aio`` has the same for asyncio; docs/python.md describes both.
"""

from pkgutil import extend_path

# Before anything is imported: stubs that others have generated as `dither.v1` stay importable beside this package.
__path__ = extend_path(__path__, __name__)

from . import aio, errors
from ._version import VERSION as __version__
from .client import Client, Model, connect
from .errors import *
from .errors import __all__ as _errors
from .models import *
from .models import __all__ as _models
from .predictions import Predictions
from .reports import Gate, Report, Verification, verify
from .tuning import Tuned, tune

__all__ = [
    "Client",
    "Gate",
    "Model",
    "Predictions",
    "Report",
    "Tuned",
    "Verification",
    "aio",
    "connect",
    "errors",
    "tune",
    "verify",
    "__version__",
    *_errors,
    *_models,
]
