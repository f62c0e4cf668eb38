"""The version of this package."""

VERSION = "0.1.0"
AGENT = f"dither-client/{VERSION}"
