from dither._stubs import inference_pb2 as _inference_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdversarialInputs(_message.Message):
    __slots__ = ["answer_values", "answers", "indices", "inputs", "labels", "place", "probe", "values"]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_VALUES_FIELD_NUMBER: _ClassVar[int]
    INDICES_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    answer_values: _containers.RepeatedScalarFieldContainer[float]
    answers: _containers.RepeatedScalarFieldContainer[int]
    indices: _containers.RepeatedScalarFieldContainer[int]
    inputs: _inference_pb2.Array
    labels: _containers.RepeatedScalarFieldContainer[int]
    place: int
    probe: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, place: _Optional[int] = ..., probe: _Optional[str] = ..., inputs: _Optional[_Union[_inference_pb2.Array, _Mapping]] = ..., indices: _Optional[_Iterable[int]] = ..., labels: _Optional[_Iterable[int]] = ..., answers: _Optional[_Iterable[int]] = ..., answer_values: _Optional[_Iterable[float]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class AuditEvent(_message.Message):
    __slots__ = ["progress", "report", "state"]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    progress: AuditProgress
    report: Report
    state: AuditState
    def __init__(self, state: _Optional[_Union[AuditState, _Mapping]] = ..., progress: _Optional[_Union[AuditProgress, _Mapping]] = ..., report: _Optional[_Union[Report, _Mapping]] = ...) -> None: ...

class AuditFeatures(_message.Message):
    __slots__ = ["fixed", "high", "low"]
    FIXED_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    fixed: _containers.RepeatedScalarFieldContainer[int]
    high: _containers.RepeatedScalarFieldContainer[float]
    low: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, low: _Optional[_Iterable[float]] = ..., high: _Optional[_Iterable[float]] = ..., fixed: _Optional[_Iterable[int]] = ...) -> None: ...

class AuditProgress(_message.Message):
    __slots__ = ["audit", "probe", "seconds_left", "shards", "shards_done"]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    SECONDS_LEFT_FIELD_NUMBER: _ClassVar[int]
    SHARDS_DONE_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    audit: str
    probe: str
    seconds_left: float
    shards: int
    shards_done: int
    def __init__(self, audit: _Optional[str] = ..., probe: _Optional[str] = ..., shards_done: _Optional[int] = ..., shards: _Optional[int] = ..., seconds_left: _Optional[float] = ...) -> None: ...

class AuditRequest(_message.Message):
    __slots__ = ["battery", "budget_seconds", "data_set", "examples", "features", "gates", "model", "noise", "other_inputs", "others", "output_kinds", "probes", "samples", "save_adversarials", "seed", "targets", "temperatures", "tolerance"]
    class OtherInputsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _inference_pb2.Array
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_inference_pb2.Array, _Mapping]] = ...) -> None: ...
    BATTERY_FIELD_NUMBER: _ClassVar[int]
    BUDGET_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DATA_SET_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    GATES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    OTHER_INPUTS_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_KINDS_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SAVE_ADVERSARIALS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TARGETS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURES_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    battery: str
    budget_seconds: float
    data_set: str
    examples: _inference_pb2.Examples
    features: AuditFeatures
    gates: _containers.RepeatedScalarFieldContainer[str]
    model: str
    noise: _containers.RepeatedScalarFieldContainer[str]
    other_inputs: _containers.MessageMap[str, _inference_pb2.Array]
    others: _containers.RepeatedScalarFieldContainer[str]
    output_kinds: _containers.RepeatedScalarFieldContainer[str]
    probes: _containers.RepeatedCompositeFieldContainer[ProbeRequest]
    samples: int
    save_adversarials: bool
    seed: int
    targets: _containers.RepeatedScalarFieldContainer[int]
    temperatures: _containers.RepeatedScalarFieldContainer[float]
    tolerance: float
    def __init__(self, model: _Optional[str] = ..., data_set: _Optional[str] = ..., examples: _Optional[_Union[_inference_pb2.Examples, _Mapping]] = ..., battery: _Optional[str] = ..., probes: _Optional[_Iterable[_Union[ProbeRequest, _Mapping]]] = ..., seed: _Optional[int] = ..., samples: _Optional[int] = ..., gates: _Optional[_Iterable[str]] = ..., budget_seconds: _Optional[float] = ..., temperatures: _Optional[_Iterable[float]] = ..., others: _Optional[_Iterable[str]] = ..., output_kinds: _Optional[_Iterable[str]] = ..., targets: _Optional[_Iterable[int]] = ..., features: _Optional[_Union[AuditFeatures, _Mapping]] = ..., other_inputs: _Optional[_Mapping[str, _inference_pb2.Array]] = ..., save_adversarials: bool = ..., noise: _Optional[_Iterable[str]] = ..., tolerance: _Optional[float] = ...) -> None: ...

class AuditState(_message.Message):
    __slots__ = ["audit", "battery", "created_ms", "message", "model", "probes", "state", "version"]
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    BATTERY_FIELD_NUMBER: _ClassVar[int]
    CANCELLED: AuditState.State
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    DONE: AuditState.State
    FAILED: AuditState.State
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    QUEUED: AuditState.State
    RUNNING: AuditState.State
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_UNSPECIFIED: AuditState.State
    VERSION_FIELD_NUMBER: _ClassVar[int]
    audit: str
    battery: str
    created_ms: int
    message: str
    model: str
    probes: _containers.RepeatedScalarFieldContainer[str]
    state: AuditState.State
    version: int
    def __init__(self, audit: _Optional[str] = ..., state: _Optional[_Union[AuditState.State, str]] = ..., message: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[int] = ..., created_ms: _Optional[int] = ..., battery: _Optional[str] = ..., probes: _Optional[_Iterable[str]] = ...) -> None: ...

class CancelAuditRequest(_message.Message):
    __slots__ = ["audit"]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    audit: str
    def __init__(self, audit: _Optional[str] = ...) -> None: ...

class CorruptRequest(_message.Message):
    __slots__ = ["corruption", "first", "inputs", "parameters", "seed"]
    class ParametersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CORRUPTION_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    corruption: str
    first: int
    inputs: _inference_pb2.Array
    parameters: _containers.ScalarMap[str, str]
    seed: int
    def __init__(self, inputs: _Optional[_Union[_inference_pb2.Array, _Mapping]] = ..., corruption: _Optional[str] = ..., parameters: _Optional[_Mapping[str, str]] = ..., seed: _Optional[int] = ..., first: _Optional[int] = ...) -> None: ...

class CorruptResponse(_message.Message):
    __slots__ = ["outputs"]
    OUTPUTS_FIELD_NUMBER: _ClassVar[int]
    outputs: _inference_pb2.Array
    def __init__(self, outputs: _Optional[_Union[_inference_pb2.Array, _Mapping]] = ...) -> None: ...

class GetAdversarialsRequest(_message.Message):
    __slots__ = ["audit"]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    audit: str
    def __init__(self, audit: _Optional[str] = ...) -> None: ...

class GetReportRequest(_message.Message):
    __slots__ = ["audit", "format"]
    class Format(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    HTML: GetReportRequest.Format
    JSON: GetReportRequest.Format
    PROTOBUF: GetReportRequest.Format
    audit: str
    format: GetReportRequest.Format
    def __init__(self, audit: _Optional[str] = ..., format: _Optional[_Union[GetReportRequest.Format, str]] = ...) -> None: ...

class ListAuditsRequest(_message.Message):
    __slots__ = ["model", "page_size", "page_token"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    model: str
    page_size: int
    page_token: str
    def __init__(self, model: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAuditsResponse(_message.Message):
    __slots__ = ["audits", "next_page_token"]
    AUDITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    audits: _containers.RepeatedCompositeFieldContainer[AuditState]
    next_page_token: str
    def __init__(self, audits: _Optional[_Iterable[_Union[AuditState, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListProbesRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListProbesResponse(_message.Message):
    __slots__ = ["batteries", "probes"]
    BATTERIES_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    batteries: _containers.RepeatedScalarFieldContainer[str]
    probes: _containers.RepeatedCompositeFieldContainer[ProbeDescription]
    def __init__(self, probes: _Optional[_Iterable[_Union[ProbeDescription, _Mapping]]] = ..., batteries: _Optional[_Iterable[str]] = ...) -> None: ...

class PlanAuditResponse(_message.Message):
    __slots__ = ["examples", "probes", "seconds", "shards"]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    examples: int
    probes: _containers.RepeatedCompositeFieldContainer[PlannedProbe]
    seconds: float
    shards: int
    def __init__(self, probes: _Optional[_Iterable[_Union[PlannedProbe, _Mapping]]] = ..., examples: _Optional[int] = ..., shards: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class PlannedProbe(_message.Message):
    __slots__ = ["probe", "questions", "seconds"]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    probe: str
    questions: int
    seconds: float
    def __init__(self, probe: _Optional[str] = ..., questions: _Optional[int] = ..., seconds: _Optional[float] = ...) -> None: ...

class ProbeDescription(_message.Message):
    __slots__ = ["name", "parameters", "summary"]
    class ParametersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    name: str
    parameters: _containers.ScalarMap[str, str]
    summary: str
    def __init__(self, name: _Optional[str] = ..., summary: _Optional[str] = ..., parameters: _Optional[_Mapping[str, str]] = ...) -> None: ...

class ProbeRequest(_message.Message):
    __slots__ = ["parameters", "probe"]
    class ParametersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    parameters: _containers.ScalarMap[str, str]
    probe: str
    def __init__(self, probe: _Optional[str] = ..., parameters: _Optional[_Mapping[str, str]] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ["audit", "html", "json", "protobuf"]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    HTML_FIELD_NUMBER: _ClassVar[int]
    JSON_FIELD_NUMBER: _ClassVar[int]
    PROTOBUF_FIELD_NUMBER: _ClassVar[int]
    audit: str
    html: bytes
    json: bytes
    protobuf: bytes
    def __init__(self, audit: _Optional[str] = ..., json: _Optional[bytes] = ..., html: _Optional[bytes] = ..., protobuf: _Optional[bytes] = ...) -> None: ...

class WatchAuditRequest(_message.Message):
    __slots__ = ["audit"]
    AUDIT_FIELD_NUMBER: _ClassVar[int]
    audit: str
    def __init__(self, audit: _Optional[str] = ...) -> None: ...
