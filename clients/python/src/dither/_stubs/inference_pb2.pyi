from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Array(_message.Message):
    __slots__ = ["data", "shape", "type"]
    class Type(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    DATA_FIELD_NUMBER: _ClassVar[int]
    FLOAT32: Array.Type
    INT64: Array.Type
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_UNSPECIFIED: Array.Type
    UINT8: Array.Type
    data: bytes
    shape: _containers.RepeatedScalarFieldContainer[int]
    type: Array.Type
    def __init__(self, type: _Optional[_Union[Array.Type, str]] = ..., shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Examples(_message.Message):
    __slots__ = ["inputs", "labels", "named_inputs", "values"]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    NAMED_INPUTS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    inputs: Array
    labels: _containers.RepeatedScalarFieldContainer[int]
    named_inputs: _containers.RepeatedCompositeFieldContainer[NamedArray]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, inputs: _Optional[_Union[Array, _Mapping]] = ..., labels: _Optional[_Iterable[int]] = ..., named_inputs: _Optional[_Iterable[_Union[NamedArray, _Mapping]]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class Measure(_message.Message):
    __slots__ = ["name", "values"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class NamedArray(_message.Message):
    __slots__ = ["array", "name"]
    ARRAY_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    array: Array
    name: str
    def __init__(self, name: _Optional[str] = ..., array: _Optional[_Union[Array, _Mapping]] = ...) -> None: ...

class PredictRequest(_message.Message):
    __slots__ = ["antithetic", "coverage", "draws", "input", "inputs", "interval_rule", "max_samples", "measures", "model", "never_empty", "noise", "quantiles", "samples", "seed", "set_rule", "tolerance", "uncalibrated"]
    class Draws(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class IntervalRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class SetRule(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    ANTITHETIC_FIELD_NUMBER: _ClassVar[int]
    APS: PredictRequest.SetRule
    COVERAGE_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    FRESH: PredictRequest.Draws
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_ABSOLUTE: PredictRequest.IntervalRule
    INTERVAL_AUTO: PredictRequest.IntervalRule
    INTERVAL_NORMALIZED: PredictRequest.IntervalRule
    INTERVAL_QUANTILES: PredictRequest.IntervalRule
    INTERVAL_RULE_FIELD_NUMBER: _ClassVar[int]
    LAC: PredictRequest.SetRule
    MAX_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NEVER_EMPTY_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    SET_RULE_FIELD_NUMBER: _ClassVar[int]
    SHARED: PredictRequest.Draws
    TOLERANCE_FIELD_NUMBER: _ClassVar[int]
    UNCALIBRATED_FIELD_NUMBER: _ClassVar[int]
    antithetic: bool
    coverage: float
    draws: PredictRequest.Draws
    input: Array
    inputs: _containers.RepeatedCompositeFieldContainer[NamedArray]
    interval_rule: PredictRequest.IntervalRule
    max_samples: int
    measures: _containers.RepeatedScalarFieldContainer[str]
    model: str
    never_empty: bool
    noise: _containers.RepeatedScalarFieldContainer[str]
    quantiles: _containers.RepeatedScalarFieldContainer[float]
    samples: int
    seed: int
    set_rule: PredictRequest.SetRule
    tolerance: float
    uncalibrated: bool
    def __init__(self, model: _Optional[str] = ..., input: _Optional[_Union[Array, _Mapping]] = ..., samples: _Optional[int] = ..., tolerance: _Optional[float] = ..., max_samples: _Optional[int] = ..., seed: _Optional[int] = ..., quantiles: _Optional[_Iterable[float]] = ..., draws: _Optional[_Union[PredictRequest.Draws, str]] = ..., antithetic: bool = ..., coverage: _Optional[float] = ..., set_rule: _Optional[_Union[PredictRequest.SetRule, str]] = ..., uncalibrated: bool = ..., measures: _Optional[_Iterable[str]] = ..., never_empty: bool = ..., noise: _Optional[_Iterable[str]] = ..., inputs: _Optional[_Iterable[_Union[NamedArray, _Mapping]]] = ..., interval_rule: _Optional[_Union[PredictRequest.IntervalRule, str]] = ...) -> None: ...

class PredictResponse(_message.Message):
    __slots__ = ["always_in_set", "calibration", "digest", "model", "noise", "predictions", "samples", "seed", "set_kind", "stop_reason", "temperature", "timing", "version"]
    class SetKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    class StopReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    ALWAYS_IN_SET_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    CLASS_CONDITIONAL: PredictResponse.SetKind
    DEADLINE_NEAR: PredictResponse.StopReason
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    MARGINAL: PredictResponse.SetKind
    MODEL_FIELD_NUMBER: _ClassVar[int]
    NOISE_FIELD_NUMBER: _ClassVar[int]
    NO_SETS: PredictResponse.SetKind
    PREDICTIONS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED: PredictResponse.StopReason
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_LIMIT: PredictResponse.StopReason
    SEED_FIELD_NUMBER: _ClassVar[int]
    SET_KIND_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    TIMING_FIELD_NUMBER: _ClassVar[int]
    TOLERANCE_MET: PredictResponse.StopReason
    VERSION_FIELD_NUMBER: _ClassVar[int]
    always_in_set: _containers.RepeatedScalarFieldContainer[int]
    calibration: int
    digest: str
    model: str
    noise: _containers.RepeatedScalarFieldContainer[str]
    predictions: _containers.RepeatedCompositeFieldContainer[Prediction]
    samples: int
    seed: int
    set_kind: PredictResponse.SetKind
    stop_reason: PredictResponse.StopReason
    temperature: float
    timing: Timing
    version: int
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ..., samples: _Optional[int] = ..., seed: _Optional[int] = ..., predictions: _Optional[_Iterable[_Union[Prediction, _Mapping]]] = ..., stop_reason: _Optional[_Union[PredictResponse.StopReason, str]] = ..., timing: _Optional[_Union[Timing, _Mapping]] = ..., temperature: _Optional[float] = ..., calibration: _Optional[int] = ..., set_kind: _Optional[_Union[PredictResponse.SetKind, str]] = ..., always_in_set: _Optional[_Iterable[int]] = ..., noise: _Optional[_Iterable[str]] = ...) -> None: ...

class Prediction(_message.Message):
    __slots__ = ["label", "label_name", "measures", "prediction_set", "probabilities", "quantiles", "values"]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    LABEL_NAME_FIELD_NUMBER: _ClassVar[int]
    MEASURES_FIELD_NUMBER: _ClassVar[int]
    PREDICTION_SET_FIELD_NUMBER: _ClassVar[int]
    PROBABILITIES_FIELD_NUMBER: _ClassVar[int]
    QUANTILES_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    label: int
    label_name: str
    measures: _containers.RepeatedCompositeFieldContainer[Measure]
    prediction_set: _containers.RepeatedScalarFieldContainer[int]
    probabilities: _containers.RepeatedScalarFieldContainer[float]
    quantiles: _containers.RepeatedCompositeFieldContainer[Quantile]
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, label: _Optional[int] = ..., label_name: _Optional[str] = ..., probabilities: _Optional[_Iterable[float]] = ..., quantiles: _Optional[_Iterable[_Union[Quantile, _Mapping]]] = ..., prediction_set: _Optional[_Iterable[int]] = ..., measures: _Optional[_Iterable[_Union[Measure, _Mapping]]] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class Quantile(_message.Message):
    __slots__ = ["level", "values"]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    level: float
    values: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, level: _Optional[float] = ..., values: _Optional[_Iterable[float]] = ...) -> None: ...

class Timing(_message.Message):
    __slots__ = ["compute_us", "queue_us"]
    COMPUTE_US_FIELD_NUMBER: _ClassVar[int]
    QUEUE_US_FIELD_NUMBER: _ClassVar[int]
    compute_us: int
    queue_us: int
    def __init__(self, queue_us: _Optional[int] = ..., compute_us: _Optional[int] = ...) -> None: ...
