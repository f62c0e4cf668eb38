"""Cards of models as the registry keeps them: one JSON object, a Markdown card's text under ``markdown``."""

from __future__ import annotations

import json
import os
from typing import Any

from ._packages import needed
from .errors import InvalidArgument


def card_json(card: Any) -> str:
    """Of a mapping, JSON, Markdown behind facts in YAML (docs/cards.md), or the path of a file with either."""
    if card is None:
        return ""
    if isinstance(card, os.PathLike):
        with open(card, encoding="utf-8") as file:
            card = file.read()
    if not isinstance(card, str):
        try:
            return json.dumps(card)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(
                f"card: expected a mapping that JSON can hold, Markdown, or the Path of a card's file, got another ({error})"
            ) from None
    if card.lstrip().startswith("{"):
        return card
    if "\n" not in card and card.endswith((".md", ".json")):
        raise InvalidArgument(f"card: expected a card, got what looks like a path; pathlib.Path({card[:120]!r}) is read")
    return json.dumps(_of_markdown(card.replace("\r", "")))


def _of_markdown(text: str) -> Any:
    lines = text.split("\n")
    if lines[0] != "---":
        return {"markdown": text.lstrip("\n")}
    try:
        end = lines.index("---", 1)
    except ValueError:
        raise InvalidArgument("card: expected a line '---' behind the facts, got none; close the YAML part") from None
    yaml = needed("yaml", "a card with facts in YAML", "pyyaml")
    try:
        facts = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError as error:
        raise InvalidArgument(f"card: expected facts as YAML, got other text ({' '.join(str(error).split())})") from None
    if not isinstance(facts or {}, dict):
        raise InvalidArgument("card: expected keys with values between the lines '---', got something else")
    found = {str(key): value for key, value in (facts or {}).items()}
    body = "\n".join(lines[end + 1 :]).lstrip("\n")
    if body:
        found["markdown"] = body
    return json.loads(json.dumps(found, default=str))
