"""A report's forms: they say the same, the schema describes it, and each is signed as docs/audit.md says."""

import base64
import json
import pathlib
import re
import subprocess
import sys

import jsonschema
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from dither.v1 import report_pb2
from dither.v1.robustness_pb2 import GetReportRequest
from google.protobuf import json_format
from support import ServerTest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BASELINE = "fashion-mlp-baseline"

# Small, and with every kind of section but for what a failure or a budget leaves.
PROBES = (
    "clean",
    "calibration",
    "selective",
    "gaussian_noise",
    ("pgd", {"epsilon": "0.05", "steps": "3", "draws": "2"}),
    ("deepfool", {"draws": "2"}),
    ("smoothing", {"n0": "10", "n": "50"}),
)


def differences(said, sent, at="report"):
    """Where a JSON form and a protobuf form, as `MessageToDict` shows it, disagree: there 64-bit integers are strings,
    and lists that JSON leaves out are empty."""
    if isinstance(said, dict) and isinstance(sent, dict):
        for name in sorted(said.keys() | sent.keys()):
            if name in said and name in sent:
                yield from differences(said[name], sent[name], f"{at}.{name}")
            elif sent.get(name) != []:
                yield f"{at}.{name} is only in {'the JSON form' if name in said else 'the protobuf form'}"
    elif isinstance(said, list) and isinstance(sent, list) and len(said) == len(sent):
        for index, (one, other) in enumerate(zip(said, sent)):
            yield from differences(one, other, f"{at}[{index}]")
    elif isinstance(sent, str) and isinstance(said, int) and not isinstance(said, bool):
        if str(said) != sent:
            yield f"{at}: {said}, and {sent}"
    elif said != sent or isinstance(said, bool) != isinstance(sent, bool):
        yield f"{at}: {said!r}, and {sent!r}"


def split_json(report):
    """The report without its signature, and the signature."""
    start, _, end = report.rpartition(b',"signature":')
    return start + b"}", json.loads(end.removesuffix(b"}"))


def split_html(report):
    last = report.rindex(b"\n", 0, -1) + 1
    found = re.fullmatch(rb"<!-- dither-signature (\S+) (\S+) (\S+) -->\n", report[last:])
    return report[:last], dict(zip(("algorithm", "public_key", "value"), (word.decode() for word in found.groups())))


def split_protobuf(report):
    """The signature is the last field, so that what is before it is a message too."""
    signature = report_pb2.AuditReport.FromString(report).signature
    end = report_pb2.AuditReport(signature=signature).SerializeToString()
    return report.removesuffix(end), json_format.MessageToDict(signature, preserving_proto_field_name=True)


def pre_authentication(kind, body):
    """What DSSE signs: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md"""
    return b" ".join([b"DSSEv1", str(len(kind)).encode(), kind, str(len(body)).encode(), body])


class Reports(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        request = cls.audit_request(
            PROBES, rows=12, others=[BASELINE, f"{BASELINE}+{BASELINE}"], temperatures=[1.5, 2],
            gates=["clean>=0", "pgd.clean_accuracy>=2"])
        cls.events = list(cls.robustness.Audit(request))
        cls.audit = cls.events[0].state.audit
        cls.json = cls.report(GetReportRequest.JSON).json
        cls.html = cls.report(GetReportRequest.HTML).html
        cls.protobuf = cls.report(GetReportRequest.PROTOBUF).protobuf

    @classmethod
    def report(cls, form):
        return cls.robustness.GetReport(GetReportRequest(audit=cls.audit, format=form))

    def test_one_form_each(self):
        for name, form in GetReportRequest.Format.items():
            report = self.report(form)
            self.assertEqual({field.name for field, _ in report.ListFields()}, {"audit", name.lower()})
        self.assertEqual(self.events[-1].report.json, self.json)
        self.assertEqual(self.events[-1].report.html, self.html)

    def test_json_and_protobuf_say_the_same(self):
        said = json.loads(split_json(self.json)[0])
        sections = "version noise temperature corruptions gates comparisons code".split()
        self.assertLessEqual(set(sections), said.keys())
        message = report_pb2.AuditReport.FromString(split_protobuf(self.protobuf)[0])
        self.assertFalse(message.HasField("signature"))
        sent = json_format.MessageToDict(
            message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        self.assertEqual(list(differences(said, sent)), [])

    def test_schema_describes_the_json_form(self):
        schema = json.loads((ROOT / "docs/report.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        faults = jsonschema.Draft202012Validator(schema).iter_errors(json.loads(self.json))
        self.assertEqual([f"{fault.json_path}: {fault.message}" for fault in faults], [])

    def test_schema_is_what_the_proto_says(self):
        script = ROOT / "scripts/generate-report-schema"
        check = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
        self.assertEqual(check.returncode, 0, check.stderr)

    def test_signatures(self):
        forms = (
            (b"json", split_json(self.json)), (b"html", split_html(self.html)),
            (b"protobuf", split_protobuf(self.protobuf)),
        )
        keys = set()
        for name, (body, signature) in forms:
            with self.subTest(form=name):
                self.assertEqual(list(signature), ["algorithm", "public_key", "value"])
                self.assertEqual(signature["algorithm"], "ed25519")
                key, value = (base64.b64decode(signature[part], validate=True) for part in ("public_key", "value"))
                # It raises where the signature is of other bytes.
                Ed25519PublicKey.from_public_bytes(key).verify(
                    value, pre_authentication(b"application/vnd.dither.report+" + name, body))
                keys.add(key)
        self.assertEqual(len(keys), 1)

    def test_signature_is_written_in_one_way(self):
        body, signature = split_json(self.json)
        end = json.dumps({"signature": signature}, separators=(",", ":")).encode()
        self.assertEqual(self.json, body.removesuffix(b"}") + b"," + end.removeprefix(b"{"))
        self.assertNotIn(b"dither-signature", split_html(self.html)[0])
        self.assertNotEqual(split_protobuf(self.protobuf)[0], self.protobuf)
