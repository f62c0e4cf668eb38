"""What an audit found, and whether it is what its signer wrote."""

from __future__ import annotations

import base64
import binascii
import hashlib
import html
import json
import os
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple, Union

from ._packages import needed
from ._stubs import report_pb2
from .errors import GateError, InvalidArgument, VerificationError, printable

__all__ = ["Gate", "Report", "Verification", "verify"]

Path = Union[str, "os.PathLike[str]"]

# Points of order 8 and less, as libsodium lists them, their sign bit cleared: anybody's signature holds for any
# message.
_SMALL_ORDER = frozenset(
    [
        bytes(32),
        b"\x01" + bytes(31),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ]
    + [bytes([first]) + b"\xff" * 30 + b"\x7f" for first in (0xEC, 0xED, 0xEE)]
)


@dataclass(frozen=True)
class Gate:
    """What was required of the model: as it was written, whether it is kept, and the values that it was judged by."""

    gate: str
    passed: bool
    values: Tuple[Optional[float], ...]
    message: str


@dataclass(frozen=True)
class Verification:
    """A report that is whole: who signed it, and what it is about."""

    form: str
    signer: str
    #: whether the signer is the one that was asked for; without ``key=`` only the report's own word says who signed it
    is_signer_trusted: bool
    model_digests: Tuple[str, ...]
    data_digest: str
    seed: int
    code: Optional[str]
    is_model_checked: bool


class Report:
    """An audit's report. ``data`` is the JSON form as a dictionary, described by ``docs/report.schema.json``."""

    def __init__(self, audit: str, json_form: bytes, html_form: bytes = b"", trusted_key: Optional[str] = None) -> None:
        self.audit = audit
        self.json = json_form
        self._html = html_form
        self._trusted_key = trusted_key
        try:
            data = json.loads(json_form)
        except ValueError:
            data = None
        if not isinstance(data, dict) or not isinstance(data.get("probes"), list):
            raise InvalidArgument("report: expected the JSON form of an audit's report, got other bytes")
        self.data: Dict[str, Any] = data

    @classmethod
    def load(cls, path: Path) -> "Report":
        """From a file of the JSON form."""
        with open(path, "rb") as file:
            return cls("", file.read())

    @property
    def html(self) -> str:
        """The page, self-contained; empty of a report that was loaded from JSON."""
        return self._html.decode("utf-8")

    def save(self, path: Path) -> None:
        """Writes the form that the name ends in, ``.html`` or ``.json``, byte for byte as it was signed."""
        ending = os.path.splitext(os.fspath(path))[1].lower()
        forms = {".html": self._html, ".json": self.json}
        if not forms.get(ending):
            raise InvalidArgument(
                f"{path}: expected a name that ends in .html or .json of a report that has it, got '{ending}'"
            )
        with open(path, "wb") as file:
            file.write(forms[ending])

    @property
    def model(self) -> str:
        version = self.data.get("version")
        return f"{self.data.get('model', '')}@{version}" if version else str(self.data.get("model", ""))

    @property
    def probes(self) -> List[Dict[str, Any]]:
        return list(self.data["probes"])

    @property
    def gates(self) -> List[Gate]:
        return [
            Gate(gate["gate"], bool(gate["passed"]), tuple(gate.get("values", ())), gate.get("message", ""))
            for gate in self.data.get("gates", [])
        ]

    @property
    def findings(self) -> List[str]:
        """What the checks of the attacks themselves found wrong."""
        return [str(finding.get("message", "")) for finding in self.data.get("findings", [])]

    @property
    def clean_accuracy(self) -> Optional[float]:
        """Of the deployed model, on the audited examples as they are."""
        for probe in self.probes:
            if "clean_accuracy" in probe:
                return float(probe["clean_accuracy"])
        return None

    def assert_gates(self) -> None:
        """For tests: raises ``GateError``, an ``AssertionError``, where a gate is not kept, or none was asked for."""
        if not self.gates:
            raise GateError("the audit had no gates: expected some, as audit(…, gates=['clean>=0.9'])")
        failed = [gate for gate in self.gates if not gate.passed]
        if failed:
            lines = [gate.message or gate.gate for gate in failed]
            raise GateError(
                f"{len(failed)} of {len(self.gates)} gates are not kept by {self.model} on {self.data.get('data')}:\n  "
                + "\n  ".join(lines)
            )

    def verify(self, key: Optional[Path] = None, model: Union[Path, List[Path], None] = None) -> Verification:
        """As the function ``verify``, with the server's key where a ready file has said it."""
        return verify(self.json, key=key if key is not None else self._trusted_key, model=model)

    def to_pandas(self) -> Any:
        """A frame with a row for each probe."""
        return needed("pandas", "Report.to_pandas").DataFrame(self._rows())

    def _rows(self) -> List[Dict[str, Any]]:
        rows = []
        for probe in self.probes:
            low, high = (list(probe.get("interval") or []) + [None, None])[:2]
            threat, calibration = probe.get("threat") or {}, probe.get("calibration") or {}
            rows.append(
                {
                    "probe": probe.get("probe"),
                    "title": probe.get("title"),
                    "kind": probe.get("kind"),
                    "norm": threat.get("norm"),
                    "epsilon": threat.get("epsilon"),
                    "n": probe.get("n"),
                    "clean_accuracy": probe.get("clean_accuracy"),
                    "accuracy": probe.get("robust_accuracy"),
                    "low": low,
                    "high": high,
                    "ece15": calibration.get("ece15"),
                    "nll": calibration.get("nll"),
                    "questions": probe.get("questions"),
                }
            )
        return rows

    def __repr__(self) -> str:
        head = f"Report of {self.model} on {self.data.get('data')}: {self.data.get('n')} examples, {len(self.probes)} probes"
        lines = [head]
        for row in self._rows():
            lines.append(f"  {(row['title'] or row['probe'] or '')[:44]:44}  {_share(row)}")
        for gate in self.gates:
            lines.append(f"  gate {gate.gate}: kept" if gate.passed else f"  gate NOT KEPT, {gate.message}")
        lines += [f"  finding: {finding}" for finding in self.findings]
        return printable("\n".join(lines))

    def _repr_html_(self) -> str:
        text = html.escape
        rows = "".join(
            f"<tr><td>{text(str(row['title'] or row['probe']))}</td><td>{text(str(row['kind']))}</td>"
            f"<td>{text(_share(row))}</td></tr>"
            for row in self._rows()
        )
        gates = "".join(
            f"<li>{'&#10003;' if gate.passed else '&#10007;'} <code>{text(gate.gate)}</code> {text(gate.message)}</li>"
            for gate in self.gates
        )
        findings = "".join(f"<li>{text(finding)}</li>" for finding in self.findings)
        return (
            f"<div><p><b>{text(self.model)}</b> on {text(str(self.data.get('data')))}, {text(str(self.data.get('n')))} examples"
            f"</p><table><thead><tr><th>probe</th><th>kind</th><th>accuracy</th></tr></thead><tbody>{rows}</tbody></table>"
            + (f"<p>Gates</p><ul>{gates}</ul>" if gates else "")
            + (f"<p>Findings</p><ul>{findings}</ul>" if findings else "")
            + "</div>"
        )


def _share(row: Dict[str, Any]) -> str:
    if row["kind"] == "calibration" and row["ece15"] is not None:
        return f"ECE {row['ece15']:.4f}"
    if row["accuracy"] is None or row["kind"] == "measurement":
        return "measured"
    interval = f"  [{row['low']:.3f}, {row['high']:.3f}]" if row["low"] is not None and row["high"] is not None else ""
    return f"{row['accuracy']:.3f}{interval}"


def verify(
    report: Union[bytes, Path, Report], key: Optional[Path] = None, model: Union[Path, List[Path], None] = None
) -> Verification:
    """Whether a report, in any of its forms, is byte for byte what its signer wrote, as ``dither verify`` tells it.

    ``key`` is the signer's public key, a PEM file or base64 as reports show it; ``model`` an ONNX file that the report
    must be about, of an ensemble all of them. Raises ``VerificationError``. Needs the package cryptography.
    """
    if isinstance(report, Report):
        return report.verify(key, model)
    if isinstance(report, bytes):
        content = report
    else:
        with open(report, "rb") as file:
            content = file.read()
    needed("cryptography", "verify")
    trusted = None if key is None else _public_key(key)
    form, body, signer, signature = _opened(content)
    if signer[:31] + bytes([signer[31] & 0x7F]) in _SMALL_ORDER:
        raise VerificationError("report: signed with a key of small order, for which anybody can sign")
    if not _has_signed(signer, signature, _encoded(form, body)):
        raise VerificationError(
            "report: expected the bytes that its key has signed, got others; it was changed after it was signed: get it again "
            "from who made it"
        )
    name = base64.b64encode(signer).decode()
    if trusted is not None and trusted != signer:
        raise VerificationError(
            f"report: signed by ed25519:{name}, not by ed25519:{base64.b64encode(trusted).decode()}"
        )
    digests, data_digest, seed, code = _facts(form, body)
    if model is not None:
        _check_models(model if isinstance(model, list) else [model], digests)
    return Verification(
        form=form,
        signer=name,
        is_signer_trusted=trusted is not None,
        model_digests=digests,
        data_digest=data_digest,
        seed=seed,
        code=code,
        is_model_checked=model is not None,
    )


def _encoded(form: str, body: bytes) -> bytes:
    """DSSE v1's pre-authentication encoding, so that no form passes for another."""
    kind = f"application/vnd.dither.report+{form}".encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(body), body)


def _opened(report: bytes) -> Tuple[str, bytes, bytes, bytes]:
    """Form, body without the signature, key, signature: as docs/audit.md writes them, and in no other way."""
    start = report.lstrip()[:1]
    if start == b"{":
        return ("json",) + _opened_json(report.rstrip(b" \t\r\n"))
    if start == b"<":
        return ("html",) + _opened_html(report)
    return ("protobuf",) + _opened_protobuf(report)


def _opened_json(report: bytes) -> Tuple[bytes, bytes, bytes]:
    at = report.rfind(b',"signature":{"algorithm":"ed25519"')
    found = re.fullmatch(
        rb',"signature":\{"algorithm":"ed25519","public_key":"([\w+/=]+)","value":"([\w+/=]+)"\}\}',
        report[at:] if at >= 0 else b"",
    )
    return _seal(found, report[: max(at, 0)] + b"}")


def _opened_html(report: bytes) -> Tuple[bytes, bytes, bytes]:
    at = report.rfind(b"<!-- dither-signature ed25519 ")
    found = re.fullmatch(rb"<!-- dither-signature ed25519 ([\w+/=]+) ([\w+/=]+) -->\n", report[at:] if at >= 0 else b"")
    return _seal(found, report[: max(at, 0)])


def _opened_protobuf(report: bytes) -> Tuple[bytes, bytes, bytes]:
    try:
        signature = report_pb2.AuditReport.FromString(report).signature
    except Exception:
        raise VerificationError(
            "report: expected one as HTML, JSON or dither.v1.AuditReport, got other bytes"
        ) from None
    seal = report_pb2.AuditReport(signature=signature).SerializeToString()
    if not signature.value:
        raise VerificationError("report: there is no signature in this report")
    if signature.algorithm != "ed25519" or not report.endswith(seal):
        raise VerificationError("signature: expected one as docs/audit.md describes it, got another")
    body = report[: len(report) - len(seal)]
    if report_pb2.AuditReport.FromString(body).HasField("signature"):
        raise VerificationError("signature: expected one, got several")
    key, value = _decoded(signature.public_key, 32), _decoded(signature.value, 64)
    return body, key, value


def _seal(found: Any, body: bytes) -> Tuple[bytes, bytes, bytes]:
    if found is None:
        raise VerificationError("report: there is no signature in this report, as docs/audit.md describes it")
    return body, _decoded(found.group(1).decode(), 32), _decoded(found.group(2).decode(), 64)


def _decoded(text: str, count: int) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    # One value has one text, so that no two reports differ in their signature alone.
    if len(found) != count or base64.b64encode(found).decode() != text:
        raise VerificationError(f"signature: expected {count} bytes as base64, got '{printable(text[:100])}'")
    return found


def _has_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    keys = needed("cryptography.hazmat.primitives.asymmetric.ed25519", "verify")
    exceptions = needed("cryptography.exceptions", "verify")
    try:
        keys.Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (exceptions.InvalidSignature, ValueError):
        return False
    return True


def _public_key(key: Path) -> bytes:
    text = os.fspath(key)
    word = text[len("ed25519:") :] if text.startswith("ed25519:") else text
    if re.fullmatch(r"[\w+/]{43}=", word):
        return base64.b64decode(word)
    serialization = needed("cryptography.hazmat.primitives.serialization", "verify")
    keys = needed("cryptography.hazmat.primitives.asymmetric.ed25519", "verify")
    try:
        with open(text, "rb") as file:
            found = serialization.load_pem_public_key(file.read())
        if not isinstance(found, keys.Ed25519PublicKey):
            raise ValueError("a key of another kind")
        raw: bytes = found.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return raw
    except (OSError, ValueError) as error:
        raise InvalidArgument(
            f"key {text[:200]}: expected a PEM file of an Ed25519 public key, or base64, got {error}"
        ) from None


def _facts(form: str, body: bytes) -> Tuple[Tuple[str, ...], str, int, Optional[str]]:
    if form == "html":
        head = body.decode("utf-8").split("</head>")[0]

        def meta(name: str) -> List[str]:
            return re.findall(rf'<meta name="dither:{name}" content="([^"]*)">', head)

        digests, data = meta("member-digest") or meta("model-digest"), meta("data-digest")
        seeds, codes = meta("seed"), meta("code")
    elif form == "json":
        found = json.loads(body)
        digests = [member["digest"] for member in found.get("members", [])] or [found.get("digest", "")]
        data, seeds = [found.get("data_digest", "")], [str(found.get("seed", 0))]
        codes = [found["code"]] if found.get("code") else []
    else:
        report = report_pb2.AuditReport.FromString(body)
        digests = [member.digest for member in report.members] or [report.digest]
        data, seeds = [report.data_digest], [str(report.seed)]
        codes = [report.code] if report.HasField("code") else []
    if not digests or not data or not all(digest.startswith("sha256:") for digest in digests + data[:1]):
        raise VerificationError("report: expected the digests of a model and of its data, got none")
    return tuple(digests), data[0], int(seeds[0]) if seeds and seeds[0].isdigit() else 0, codes[0] if codes else None


def _check_models(paths: List[Path], digests: Tuple[str, ...]) -> None:
    given = []
    for path in paths:
        with open(path, "rb") as file:
            given.append("sha256:" + hashlib.sha256(file.read()).hexdigest())
        if given[-1] not in digests:
            raise VerificationError(f"{path} is {given[-1]}; the report is about {', '.join(digests)}")
    for digest in digests:
        if digest not in given:
            raise VerificationError(f"the report is about an ensemble: give its member {digest} in model= too")
