from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuditReport(_message.Message):
    __slots__ = ["battery", "checks", "classes", "code", "command", "comparisons", "corruptions", "data", "data_digest", "digest", "examples", "failures", "findings", "format", "gates", "incomplete", "label_names", "members", "model", "n", "noise", "probes", "samples", "seed", "signature", "stamp", "temperature", "threats", "tolerance", "version"]
    BATTERY_FIELD_NUMBER: _ClassVar[int]
    CHECKS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    COMPARISONS_FIELD_NUMBER: _ClassVar[int]
    CORRUPTIONS_FIELD_NUMBER: _ClassVar[int]
    DATA_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    FAILURES_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    GATES_FIELD_NUMBER: _ClassVar[int]
    INCOMPLETE_FIELD_NUMBER: _ClassVar[int]
    LABEL_NAMES_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    STAMP_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    THREATS_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    battery: str
    checks: _containers.RepeatedCompositeFieldContainer[ReportCheck]
    classes: _containers.RepeatedCompositeFieldContainer[ReportClass]
    code: str
    command: str
    comparisons: _containers.RepeatedCompositeFieldContainer[ReportComparison]
    corruptions: ReportCorruptions
    data: str
    data_digest: str
    digest: str
    examples: ReportExamples
    failures: _containers.RepeatedCompositeFieldContainer[ReportFailure]
    findings: _containers.RepeatedCompositeFieldContainer[ReportCheck]
    format: str
    gates: _containers.RepeatedCompositeFieldContainer[ReportGate]
    incomplete: ReportIncomplete
    label_names: _containers.RepeatedScalarFieldContainer[str]
    members: _containers.RepeatedCompositeFieldContainer[ReportMember]
    model: str
    n: int
    noise: _struct_pb2.Struct
    probes: _containers.RepeatedCompositeFieldContainer[ReportProbe]
    samples: int
    seed: int
    signature: ReportSignature
    stamp: ReportStamp
    temperature: float
    threats: _containers.RepeatedCompositeFieldContainer[ReportThreatModel]
    tolerance: _containers.RepeatedScalarFieldContainer[float]
    version: int
    def __init__(self, format: _Optional[str] = ..., model: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ..., members: _Optional[_Iterable[_Union[ReportMember, _Mapping]]] = ..., label_names: _Optional[_Iterable[str]] = ..., noise: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., temperature: _Optional[float] = ..., data: _Optional[str] = ..., data_digest: _Optional[str] = ..., n: _Optional[int] = ..., battery: _Optional[str] = ..., seed: _Optional[int] = ..., samples: _Optional[int] = ..., probes: _Optional[_Iterable[_Union[ReportProbe, _Mapping]]] = ..., corruptions: _Optional[_Union[ReportCorruptions, _Mapping]] = ..., gates: _Optional[_Iterable[_Union[ReportGate, _Mapping]]] = ..., checks: _Optional[_Iterable[_Union[ReportCheck, _Mapping]]] = ..., findings: _Optional[_Iterable[_Union[ReportCheck, _Mapping]]] = ..., comparisons: _Optional[_Iterable[_Union[ReportComparison, _Mapping]]] = ..., failures: _Optional[_Iterable[_Union[ReportFailure, _Mapping]]] = ..., incomplete: _Optional[_Union[ReportIncomplete, _Mapping]] = ..., command: _Optional[str] = ..., code: _Optional[str] = ..., threats: _Optional[_Iterable[_Union[ReportThreatModel, _Mapping]]] = ..., classes: _Optional[_Iterable[_Union[ReportClass, _Mapping]]] = ..., examples: _Optional[_Union[ReportExamples, _Mapping]] = ..., stamp: _Optional[_Union[ReportStamp, _Mapping]] = ..., tolerance: _Optional[_Iterable[float]] = ..., signature: _Optional[_Union[ReportSignature, _Mapping]] = ...) -> None: ...

class ReportBin(_message.Message):
    __slots__ = ["accuracy", "count", "interval", "lower", "mean_probability", "upper"]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    MEAN_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    accuracy: float
    count: int
    interval: _containers.RepeatedScalarFieldContainer[float]
    lower: float
    mean_probability: float
    upper: float
    def __init__(self, lower: _Optional[float] = ..., upper: _Optional[float] = ..., count: _Optional[int] = ..., mean_probability: _Optional[float] = ..., accuracy: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ...) -> None: ...

class ReportCalibration(_message.Message):
    __slots__ = ["accuracy", "adaptive_ece15", "adaptive_ece15_interval", "bins", "brier", "brier_interval", "ece15", "ece15_interval", "nll", "nll_interval"]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_ECE15_FIELD_NUMBER: _ClassVar[int]
    ADAPTIVE_ECE15_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    BINS_FIELD_NUMBER: _ClassVar[int]
    BRIER_FIELD_NUMBER: _ClassVar[int]
    BRIER_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    ECE15_FIELD_NUMBER: _ClassVar[int]
    ECE15_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    NLL_FIELD_NUMBER: _ClassVar[int]
    NLL_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    accuracy: float
    adaptive_ece15: float
    adaptive_ece15_interval: _containers.RepeatedScalarFieldContainer[float]
    bins: _containers.RepeatedCompositeFieldContainer[ReportBin]
    brier: float
    brier_interval: _containers.RepeatedScalarFieldContainer[float]
    ece15: float
    ece15_interval: _containers.RepeatedScalarFieldContainer[float]
    nll: float
    nll_interval: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, accuracy: _Optional[float] = ..., nll: _Optional[float] = ..., brier: _Optional[float] = ..., ece15: _Optional[float] = ..., bins: _Optional[_Iterable[_Union[ReportBin, _Mapping]]] = ..., nll_interval: _Optional[_Iterable[float]] = ..., brier_interval: _Optional[_Iterable[float]] = ..., ece15_interval: _Optional[_Iterable[float]] = ..., adaptive_ece15: _Optional[float] = ..., adaptive_ece15_interval: _Optional[_Iterable[float]] = ...) -> None: ...

class ReportCertificate(_message.Message):
    __slots__ = ["abstained", "alpha", "correct", "label", "n", "radius"]
    ABSTAINED_FIELD_NUMBER: _ClassVar[int]
    ALPHA_FIELD_NUMBER: _ClassVar[int]
    CORRECT_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    RADIUS_FIELD_NUMBER: _ClassVar[int]
    abstained: bool
    alpha: float
    correct: bool
    label: int
    n: int
    radius: float
    def __init__(self, label: _Optional[int] = ..., correct: bool = ..., radius: _Optional[float] = ..., n: _Optional[int] = ..., alpha: _Optional[float] = ..., abstained: bool = ...) -> None: ...

class ReportCertified(_message.Message):
    __slots__ = ["abstain", "abstain_interval", "acr", "certificates", "curve", "norm"]
    ABSTAIN_FIELD_NUMBER: _ClassVar[int]
    ABSTAIN_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    ACR_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATES_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    NORM_FIELD_NUMBER: _ClassVar[int]
    abstain: float
    abstain_interval: _containers.RepeatedScalarFieldContainer[float]
    acr: float
    certificates: _containers.RepeatedCompositeFieldContainer[ReportCertificate]
    curve: _containers.RepeatedCompositeFieldContainer[ReportRadiusPoint]
    norm: str
    def __init__(self, norm: _Optional[str] = ..., curve: _Optional[_Iterable[_Union[ReportRadiusPoint, _Mapping]]] = ..., acr: _Optional[float] = ..., abstain: _Optional[float] = ..., abstain_interval: _Optional[_Iterable[float]] = ..., certificates: _Optional[_Iterable[_Union[ReportCertificate, _Mapping]]] = ...) -> None: ...

class ReportCheck(_message.Message):
    __slots__ = ["check", "message", "passed", "probe"]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    check: str
    message: str
    passed: bool
    probe: str
    def __init__(self, check: _Optional[str] = ..., probe: _Optional[str] = ..., passed: bool = ..., message: _Optional[str] = ...) -> None: ...

class ReportClass(_message.Message):
    __slots__ = ["clean", "label", "name", "robust"]
    CLEAN_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROBUST_FIELD_NUMBER: _ClassVar[int]
    clean: ReportProportion
    label: int
    name: str
    robust: _containers.RepeatedCompositeFieldContainer[ReportProportion]
    def __init__(self, label: _Optional[int] = ..., name: _Optional[str] = ..., clean: _Optional[_Union[ReportProportion, _Mapping]] = ..., robust: _Optional[_Iterable[_Union[ReportProportion, _Mapping]]] = ...) -> None: ...

class ReportComparison(_message.Message):
    __slots__ = ["baseline", "baseline_digest", "baseline_members", "baseline_temperature", "baseline_version", "probes"]
    BASELINE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_MEMBERS_FIELD_NUMBER: _ClassVar[int]
    BASELINE_TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    BASELINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROBES_FIELD_NUMBER: _ClassVar[int]
    baseline: str
    baseline_digest: str
    baseline_members: _containers.RepeatedCompositeFieldContainer[ReportMember]
    baseline_temperature: float
    baseline_version: int
    probes: _containers.RepeatedCompositeFieldContainer[ReportPair]
    def __init__(self, baseline: _Optional[str] = ..., baseline_version: _Optional[int] = ..., baseline_digest: _Optional[str] = ..., baseline_members: _Optional[_Iterable[_Union[ReportMember, _Mapping]]] = ..., baseline_temperature: _Optional[float] = ..., probes: _Optional[_Iterable[_Union[ReportPair, _Mapping]]] = ...) -> None: ...

class ReportCorruption(_message.Message):
    __slots__ = ["accuracies", "corruption", "mean", "other_means"]
    ACCURACIES_FIELD_NUMBER: _ClassVar[int]
    CORRUPTION_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    OTHER_MEANS_FIELD_NUMBER: _ClassVar[int]
    accuracies: _struct_pb2.ListValue
    corruption: str
    mean: float
    other_means: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, corruption: _Optional[str] = ..., accuracies: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., mean: _Optional[float] = ..., other_means: _Optional[_Iterable[float]] = ...) -> None: ...

class ReportCorruptionSetting(_message.Message):
    __slots__ = ["constants", "severity"]
    CONSTANTS_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    constants: str
    severity: int
    def __init__(self, severity: _Optional[int] = ..., constants: _Optional[str] = ...) -> None: ...

class ReportCorruptions(_message.Message):
    __slots__ = ["protocol_corruptions", "protocol_mean", "relative_errors", "rows", "title"]
    PROTOCOL_CORRUPTIONS_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_MEAN_FIELD_NUMBER: _ClassVar[int]
    RELATIVE_ERRORS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    protocol_corruptions: int
    protocol_mean: float
    relative_errors: _struct_pb2.ListValue
    rows: _containers.RepeatedCompositeFieldContainer[ReportCorruption]
    title: str
    def __init__(self, title: _Optional[str] = ..., rows: _Optional[_Iterable[_Union[ReportCorruption, _Mapping]]] = ..., protocol_corruptions: _Optional[int] = ..., protocol_mean: _Optional[float] = ..., relative_errors: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ...) -> None: ...

class ReportCurvePoint(_message.Message):
    __slots__ = ["accuracy", "epsilon", "interval"]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    accuracy: float
    epsilon: float
    interval: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, epsilon: _Optional[float] = ..., accuracy: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ...) -> None: ...

class ReportExamples(_message.Message):
    __slots__ = ["answers", "first", "labels"]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    answers: _containers.RepeatedScalarFieldContainer[int]
    first: int
    labels: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, first: _Optional[int] = ..., labels: _Optional[_Iterable[int]] = ..., answers: _Optional[_Iterable[int]] = ...) -> None: ...

class ReportFailure(_message.Message):
    __slots__ = ["count", "counted_wrong", "example", "message", "probe"]
    COUNTED_WRONG_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    count: int
    counted_wrong: bool
    example: int
    message: str
    probe: str
    def __init__(self, probe: _Optional[str] = ..., example: _Optional[int] = ..., count: _Optional[int] = ..., message: _Optional[str] = ..., counted_wrong: bool = ...) -> None: ...

class ReportGate(_message.Message):
    __slots__ = ["gate", "message", "passed", "values"]
    GATE_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PASSED_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    gate: str
    message: str
    passed: bool
    values: _struct_pb2.ListValue
    def __init__(self, gate: _Optional[str] = ..., passed: bool = ..., values: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class ReportIncomplete(_message.Message):
    __slots__ = ["ended_early", "message", "missing_probes", "shards", "shards_done"]
    ENDED_EARLY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MISSING_PROBES_FIELD_NUMBER: _ClassVar[int]
    SHARDS_DONE_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    ended_early: _containers.RepeatedScalarFieldContainer[str]
    message: str
    missing_probes: _containers.RepeatedScalarFieldContainer[str]
    shards: int
    shards_done: int
    def __init__(self, shards_done: _Optional[int] = ..., shards: _Optional[int] = ..., missing_probes: _Optional[_Iterable[str]] = ..., message: _Optional[str] = ..., ended_early: _Optional[_Iterable[str]] = ...) -> None: ...

class ReportMeasure(_message.Message):
    __slots__ = ["interval", "meaning", "n", "name", "value"]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    interval: _containers.RepeatedScalarFieldContainer[float]
    meaning: str
    n: int
    name: str
    value: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ..., n: _Optional[int] = ..., meaning: _Optional[str] = ...) -> None: ...

class ReportMeasured(_message.Message):
    __slots__ = ["calibration", "certified", "clean_accuracy", "interval", "per_example", "robust_accuracy", "summary", "transfer_from_model", "transfer_to_model"]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_FIELD_NUMBER: _ClassVar[int]
    CLEAN_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    PER_EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    ROBUST_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_FROM_MODEL_FIELD_NUMBER: _ClassVar[int]
    TRANSFER_TO_MODEL_FIELD_NUMBER: _ClassVar[int]
    calibration: ReportCalibration
    certified: ReportCertified
    clean_accuracy: float
    interval: _containers.RepeatedScalarFieldContainer[float]
    per_example: _containers.RepeatedScalarFieldContainer[bool]
    robust_accuracy: float
    summary: ReportSummary
    transfer_from_model: ReportShare
    transfer_to_model: ReportShare
    def __init__(self, clean_accuracy: _Optional[float] = ..., robust_accuracy: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ..., per_example: _Optional[_Iterable[bool]] = ..., calibration: _Optional[_Union[ReportCalibration, _Mapping]] = ..., certified: _Optional[_Union[ReportCertified, _Mapping]] = ..., summary: _Optional[_Union[ReportSummary, _Mapping]] = ..., transfer_to_model: _Optional[_Union[ReportShare, _Mapping]] = ..., transfer_from_model: _Optional[_Union[ReportShare, _Mapping]] = ...) -> None: ...

class ReportMember(_message.Message):
    __slots__ = ["digest", "model", "version"]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    digest: str
    model: str
    version: int
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class ReportPair(_message.Message):
    __slots__ = ["difference", "interval", "mcnemar_p", "only_baseline", "only_model", "probe", "sentence"]
    DIFFERENCE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    MCNEMAR_P_FIELD_NUMBER: _ClassVar[int]
    ONLY_BASELINE_FIELD_NUMBER: _ClassVar[int]
    ONLY_MODEL_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    difference: float
    interval: _containers.RepeatedScalarFieldContainer[float]
    mcnemar_p: float
    only_baseline: int
    only_model: int
    probe: str
    sentence: str
    def __init__(self, probe: _Optional[str] = ..., difference: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ..., only_model: _Optional[int] = ..., only_baseline: _Optional[int] = ..., mcnemar_p: _Optional[float] = ..., sentence: _Optional[str] = ...) -> None: ...

class ReportPoint(_message.Message):
    __slots__ = ["interval", "x", "y"]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    interval: _containers.RepeatedScalarFieldContainer[float]
    x: float
    y: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ...) -> None: ...

class ReportProbe(_message.Message):
    __slots__ = ["accuracy_against_epsilon", "answers", "calibration", "certified", "clean_accuracy", "clean_interval", "corruption", "distances", "interval", "kind", "median_distance", "n", "noise_flips", "noise_off", "others", "parameters", "per_example", "per_example_clean", "probe", "progress", "questions", "robust_accuracy", "rows", "single_draw", "strength", "summary", "threat", "title"]
    class ParametersEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _struct_pb2.Value
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ...) -> None: ...
    ACCURACY_AGAINST_EPSILON_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    CERTIFIED_FIELD_NUMBER: _ClassVar[int]
    CLEAN_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    CLEAN_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    CORRUPTION_FIELD_NUMBER: _ClassVar[int]
    DISTANCES_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_DISTANCE_FIELD_NUMBER: _ClassVar[int]
    NOISE_FLIPS_FIELD_NUMBER: _ClassVar[int]
    NOISE_OFF_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    PARAMETERS_FIELD_NUMBER: _ClassVar[int]
    PER_EXAMPLE_CLEAN_FIELD_NUMBER: _ClassVar[int]
    PER_EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    PROBE_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    ROBUST_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    SINGLE_DRAW_FIELD_NUMBER: _ClassVar[int]
    STRENGTH_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    THREAT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    accuracy_against_epsilon: _containers.RepeatedCompositeFieldContainer[ReportCurvePoint]
    answers: _containers.RepeatedScalarFieldContainer[int]
    calibration: ReportCalibration
    certified: ReportCertified
    clean_accuracy: float
    clean_interval: _containers.RepeatedScalarFieldContainer[float]
    corruption: ReportCorruptionSetting
    distances: _struct_pb2.ListValue
    interval: _containers.RepeatedScalarFieldContainer[float]
    kind: str
    median_distance: float
    n: int
    noise_flips: ReportProportion
    noise_off: ReportMeasured
    others: _containers.RepeatedCompositeFieldContainer[ReportMeasured]
    parameters: _containers.MessageMap[str, _struct_pb2.Value]
    per_example: _containers.RepeatedScalarFieldContainer[bool]
    per_example_clean: _containers.RepeatedScalarFieldContainer[bool]
    probe: str
    progress: ReportProgress
    questions: int
    robust_accuracy: float
    rows: _containers.RepeatedScalarFieldContainer[int]
    single_draw: ReportShare
    strength: ReportStrength
    summary: ReportSummary
    threat: ReportThreat
    title: str
    def __init__(self, probe: _Optional[str] = ..., parameters: _Optional[_Mapping[str, _struct_pb2.Value]] = ..., kind: _Optional[str] = ..., n: _Optional[int] = ..., clean_accuracy: _Optional[float] = ..., clean_interval: _Optional[_Iterable[float]] = ..., robust_accuracy: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ..., per_example: _Optional[_Iterable[bool]] = ..., per_example_clean: _Optional[_Iterable[bool]] = ..., questions: _Optional[int] = ..., noise_flips: _Optional[_Union[ReportProportion, _Mapping]] = ..., distances: _Optional[_Union[_struct_pb2.ListValue, _Mapping]] = ..., median_distance: _Optional[float] = ..., accuracy_against_epsilon: _Optional[_Iterable[_Union[ReportCurvePoint, _Mapping]]] = ..., progress: _Optional[_Union[ReportProgress, _Mapping]] = ..., noise_off: _Optional[_Union[ReportMeasured, _Mapping]] = ..., title: _Optional[str] = ..., threat: _Optional[_Union[ReportThreat, _Mapping]] = ..., corruption: _Optional[_Union[ReportCorruptionSetting, _Mapping]] = ..., strength: _Optional[_Union[ReportStrength, _Mapping]] = ..., others: _Optional[_Iterable[_Union[ReportMeasured, _Mapping]]] = ..., calibration: _Optional[_Union[ReportCalibration, _Mapping]] = ..., certified: _Optional[_Union[ReportCertified, _Mapping]] = ..., summary: _Optional[_Union[ReportSummary, _Mapping]] = ..., answers: _Optional[_Iterable[int]] = ..., rows: _Optional[_Iterable[int]] = ..., single_draw: _Optional[_Union[ReportShare, _Mapping]] = ...) -> None: ...

class ReportProgress(_message.Message):
    __slots__ = ["margins", "questions"]
    MARGINS_FIELD_NUMBER: _ClassVar[int]
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    margins: _containers.RepeatedScalarFieldContainer[float]
    questions: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, questions: _Optional[_Iterable[int]] = ..., margins: _Optional[_Iterable[float]] = ...) -> None: ...

class ReportProportion(_message.Message):
    __slots__ = ["n", "successes"]
    N_FIELD_NUMBER: _ClassVar[int]
    SUCCESSES_FIELD_NUMBER: _ClassVar[int]
    n: int
    successes: int
    def __init__(self, successes: _Optional[int] = ..., n: _Optional[int] = ...) -> None: ...

class ReportRadiusPoint(_message.Message):
    __slots__ = ["accuracy", "interval", "radius"]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    RADIUS_FIELD_NUMBER: _ClassVar[int]
    accuracy: float
    interval: _containers.RepeatedScalarFieldContainer[float]
    radius: float
    def __init__(self, radius: _Optional[float] = ..., accuracy: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ...) -> None: ...

class ReportSeries(_message.Message):
    __slots__ = ["chart", "form", "name", "points", "x", "y"]
    CHART_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    chart: str
    form: str
    name: str
    points: _containers.RepeatedCompositeFieldContainer[ReportPoint]
    x: str
    y: str
    def __init__(self, chart: _Optional[str] = ..., name: _Optional[str] = ..., x: _Optional[str] = ..., y: _Optional[str] = ..., points: _Optional[_Iterable[_Union[ReportPoint, _Mapping]]] = ..., form: _Optional[str] = ...) -> None: ...

class ReportShare(_message.Message):
    __slots__ = ["accuracy", "interval", "per_example"]
    ACCURACY_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    PER_EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    accuracy: float
    interval: _containers.RepeatedScalarFieldContainer[float]
    per_example: _containers.RepeatedScalarFieldContainer[bool]
    def __init__(self, accuracy: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ..., per_example: _Optional[_Iterable[bool]] = ...) -> None: ...

class ReportSignature(_message.Message):
    __slots__ = ["algorithm", "public_key", "value"]
    ALGORITHM_FIELD_NUMBER: _ClassVar[int]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    algorithm: str
    public_key: str
    value: str
    def __init__(self, algorithm: _Optional[str] = ..., public_key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ReportStamp(_message.Message):
    __slots__ = ["auditor", "date", "machine"]
    AUDITOR_FIELD_NUMBER: _ClassVar[int]
    DATE_FIELD_NUMBER: _ClassVar[int]
    MACHINE_FIELD_NUMBER: _ClassVar[int]
    auditor: str
    date: str
    machine: str
    def __init__(self, date: _Optional[str] = ..., machine: _Optional[str] = ..., auditor: _Optional[str] = ...) -> None: ...

class ReportStrength(_message.Message):
    __slots__ = ["axis", "curve", "label", "title", "value"]
    AXIS_FIELD_NUMBER: _ClassVar[int]
    CURVE_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    axis: str
    curve: str
    label: str
    title: str
    value: float
    def __init__(self, curve: _Optional[str] = ..., title: _Optional[str] = ..., axis: _Optional[str] = ..., value: _Optional[float] = ..., label: _Optional[str] = ...) -> None: ...

class ReportSummary(_message.Message):
    __slots__ = ["measures", "series"]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    SERIES_FIELD_NUMBER: _ClassVar[int]
    measures: _containers.RepeatedCompositeFieldContainer[ReportMeasure]
    series: _containers.RepeatedCompositeFieldContainer[ReportSeries]
    def __init__(self, measures: _Optional[_Iterable[_Union[ReportMeasure, _Mapping]]] = ..., series: _Optional[_Iterable[_Union[ReportSeries, _Mapping]]] = ...) -> None: ...

class ReportThreat(_message.Message):
    __slots__ = ["epsilon", "norm"]
    EPSILON_FIELD_NUMBER: _ClassVar[int]
    NORM_FIELD_NUMBER: _ClassVar[int]
    epsilon: float
    norm: str
    def __init__(self, norm: _Optional[str] = ..., epsilon: _Optional[float] = ...) -> None: ...

class ReportThreatModel(_message.Message):
    __slots__ = ["attacks", "interval", "n", "noise_off", "others", "per_example", "robust_accuracy", "rows", "strongest", "strongest_accuracy", "threat", "title"]
    ATTACKS_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    NOISE_OFF_FIELD_NUMBER: _ClassVar[int]
    N_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    PER_EXAMPLE_FIELD_NUMBER: _ClassVar[int]
    ROBUST_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    STRONGEST_ACCURACY_FIELD_NUMBER: _ClassVar[int]
    STRONGEST_FIELD_NUMBER: _ClassVar[int]
    THREAT_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    attacks: _containers.RepeatedScalarFieldContainer[str]
    interval: _containers.RepeatedScalarFieldContainer[float]
    n: int
    noise_off: ReportShare
    others: _containers.RepeatedCompositeFieldContainer[ReportShare]
    per_example: _containers.RepeatedScalarFieldContainer[bool]
    robust_accuracy: float
    rows: _containers.RepeatedScalarFieldContainer[int]
    strongest: str
    strongest_accuracy: float
    threat: ReportThreat
    title: str
    def __init__(self, threat: _Optional[_Union[ReportThreat, _Mapping]] = ..., title: _Optional[str] = ..., attacks: _Optional[_Iterable[str]] = ..., n: _Optional[int] = ..., robust_accuracy: _Optional[float] = ..., interval: _Optional[_Iterable[float]] = ..., per_example: _Optional[_Iterable[bool]] = ..., rows: _Optional[_Iterable[int]] = ..., strongest: _Optional[str] = ..., strongest_accuracy: _Optional[float] = ..., noise_off: _Optional[_Union[ReportShare, _Mapping]] = ..., others: _Optional[_Iterable[_Union[ReportShare, _Mapping]]] = ...) -> None: ...
