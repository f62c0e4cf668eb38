from dither._stubs import inference_pb2 as _inference_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CalibrateRequest(_message.Message):
    __slots__ = ["class_conditional", "data_set", "examples", "model", "samples", "seed", "try_only"]
    CLASS_CONDITIONAL_FIELD_NUMBER: _ClassVar[int]
    DATA_SET_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TRY_ONLY_FIELD_NUMBER: _ClassVar[int]
    class_conditional: bool
    data_set: str
    examples: _inference_pb2.Examples
    model: str
    samples: int
    seed: int
    try_only: bool
    def __init__(self, model: _Optional[str] = ..., data_set: _Optional[str] = ..., examples: _Optional[_Union[_inference_pb2.Examples, _Mapping]] = ..., samples: _Optional[int] = ..., seed: _Optional[int] = ..., try_only: bool = ..., class_conditional: bool = ...) -> None: ...

class Calibration(_message.Message):
    __slots__ = ["after", "before", "classes", "conformal_examples", "created_by", "created_ms", "data", "data_digest", "model", "most_coverage", "number", "samples", "seed", "temperature", "temperature_examples", "thresholds", "values", "version"]
    class ClassThresholds(_message.Message):
        __slots__ = ["examples", "label", "most_coverage", "name", "thresholds"]
        EXAMPLES_FIELD_NUMBER: _ClassVar[int]
        LABEL_FIELD_NUMBER: _ClassVar[int]
        MOST_COVERAGE_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
        examples: int
        label: int
        most_coverage: float
        name: str
        thresholds: _containers.RepeatedCompositeFieldContainer[Calibration.Threshold]
        def __init__(self, label: _Optional[int] = ..., name: _Optional[str] = ..., examples: _Optional[int] = ..., most_coverage: _Optional[float] = ..., thresholds: _Optional[_Iterable[_Union[Calibration.Threshold, _Mapping]]] = ...) -> None: ...
    class Interval(_message.Message):
        __slots__ = ["absolute", "coverage", "has_deviation", "normalized", "own_coverage", "quantiles"]
        ABSOLUTE_FIELD_NUMBER: _ClassVar[int]
        COVERAGE_FIELD_NUMBER: _ClassVar[int]
        HAS_DEVIATION_FIELD_NUMBER: _ClassVar[int]
        NORMALIZED_FIELD_NUMBER: _ClassVar[int]
        OWN_COVERAGE_FIELD_NUMBER: _ClassVar[int]
        QUANTILES_FIELD_NUMBER: _ClassVar[int]
        absolute: float
        coverage: float
        has_deviation: bool
        normalized: float
        own_coverage: float
        quantiles: float
        def __init__(self, coverage: _Optional[float] = ..., absolute: _Optional[float] = ..., has_deviation: bool = ..., normalized: _Optional[float] = ..., quantiles: _Optional[float] = ..., own_coverage: _Optional[float] = ...) -> None: ...
    class Quality(_message.Message):
        __slots__ = ["brier", "expected_calibration_error", "negative_log_likelihood"]
        BRIER_FIELD_NUMBER: _ClassVar[int]
        EXPECTED_CALIBRATION_ERROR_FIELD_NUMBER: _ClassVar[int]
        NEGATIVE_LOG_LIKELIHOOD_FIELD_NUMBER: _ClassVar[int]
        brier: float
        expected_calibration_error: float
        negative_log_likelihood: float
        def __init__(self, negative_log_likelihood: _Optional[float] = ..., brier: _Optional[float] = ..., expected_calibration_error: _Optional[float] = ...) -> None: ...
    class Threshold(_message.Message):
        __slots__ = ["aps", "coverage", "lac"]
        APS_FIELD_NUMBER: _ClassVar[int]
        COVERAGE_FIELD_NUMBER: _ClassVar[int]
        LAC_FIELD_NUMBER: _ClassVar[int]
        aps: float
        coverage: float
        lac: float
        def __init__(self, coverage: _Optional[float] = ..., lac: _Optional[float] = ..., aps: _Optional[float] = ...) -> None: ...
    class ValueIntervals(_message.Message):
        __slots__ = ["intervals", "rmse"]
        INTERVALS_FIELD_NUMBER: _ClassVar[int]
        RMSE_FIELD_NUMBER: _ClassVar[int]
        intervals: _containers.RepeatedCompositeFieldContainer[Calibration.Interval]
        rmse: float
        def __init__(self, rmse: _Optional[float] = ..., intervals: _Optional[_Iterable[_Union[Calibration.Interval, _Mapping]]] = ...) -> None: ...
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CONFORMAL_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    DATA_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MOST_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    after: Calibration.Quality
    before: Calibration.Quality
    classes: _containers.RepeatedCompositeFieldContainer[Calibration.ClassThresholds]
    conformal_examples: int
    created_by: str
    created_ms: int
    data: str
    data_digest: str
    model: str
    most_coverage: float
    number: int
    samples: int
    seed: int
    temperature: float
    temperature_examples: int
    thresholds: _containers.RepeatedCompositeFieldContainer[Calibration.Threshold]
    values: _containers.RepeatedCompositeFieldContainer[Calibration.ValueIntervals]
    version: int
    def __init__(self, number: _Optional[int] = ..., model: _Optional[str] = ..., version: _Optional[int] = ..., temperature: _Optional[float] = ..., samples: _Optional[int] = ..., seed: _Optional[int] = ..., data: _Optional[str] = ..., data_digest: _Optional[str] = ..., temperature_examples: _Optional[int] = ..., conformal_examples: _Optional[int] = ..., most_coverage: _Optional[float] = ..., thresholds: _Optional[_Iterable[_Union[Calibration.Threshold, _Mapping]]] = ..., before: _Optional[_Union[Calibration.Quality, _Mapping]] = ..., after: _Optional[_Union[Calibration.Quality, _Mapping]] = ..., created_ms: _Optional[int] = ..., created_by: _Optional[str] = ..., classes: _Optional[_Iterable[_Union[Calibration.ClassThresholds, _Mapping]]] = ..., values: _Optional[_Iterable[_Union[Calibration.ValueIntervals, _Mapping]]] = ...) -> None: ...

class DescribeModelRequest(_message.Message):
    __slots__ = ["card_json", "dropped_tags", "expected_revision", "model", "tags"]
    class TagsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CARD_JSON_FIELD_NUMBER: _ClassVar[int]
    DROPPED_TAGS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_REVISION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    card_json: str
    dropped_tags: _containers.RepeatedScalarFieldContainer[str]
    expected_revision: int
    model: str
    tags: _containers.ScalarMap[str, str]
    def __init__(self, model: _Optional[str] = ..., card_json: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., dropped_tags: _Optional[_Iterable[str]] = ..., expected_revision: _Optional[int] = ...) -> None: ...

class DownloadRequest(_message.Message):
    __slots__ = ["model"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class DownloadResponse(_message.Message):
    __slots__ = ["chunk", "model"]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    chunk: UploadChunk
    model: Model
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., chunk: _Optional[_Union[UploadChunk, _Mapping]] = ...) -> None: ...

class DriftRequest(_message.Message):
    __slots__ = ["model"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class DriftResponse(_message.Message):
    __slots__ = ["alarms", "answers", "calibration", "false_alarm_rate", "filled", "model", "other_answers", "samples", "statistics", "version", "window", "windows"]
    class Statistic(_message.Message):
        __slots__ = ["distance", "drifted", "filled", "name", "p_value", "recent_median", "reference_median"]
        DISTANCE_FIELD_NUMBER: _ClassVar[int]
        DRIFTED_FIELD_NUMBER: _ClassVar[int]
        FILLED_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        P_VALUE_FIELD_NUMBER: _ClassVar[int]
        RECENT_MEDIAN_FIELD_NUMBER: _ClassVar[int]
        REFERENCE_MEDIAN_FIELD_NUMBER: _ClassVar[int]
        distance: float
        drifted: bool
        filled: int
        name: str
        p_value: float
        recent_median: float
        reference_median: float
        def __init__(self, name: _Optional[str] = ..., distance: _Optional[float] = ..., p_value: _Optional[float] = ..., reference_median: _Optional[float] = ..., recent_median: _Optional[float] = ..., drifted: bool = ..., filled: _Optional[int] = ...) -> None: ...
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    FALSE_ALARM_RATE_FIELD_NUMBER: _ClassVar[int]
    FILLED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    OTHER_ANSWERS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    STATISTICS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    WINDOWS_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    alarms: int
    answers: int
    calibration: int
    false_alarm_rate: float
    filled: int
    model: str
    other_answers: int
    samples: int
    statistics: _containers.RepeatedCompositeFieldContainer[DriftResponse.Statistic]
    version: int
    window: int
    windows: int
    def __init__(self, model: _Optional[str] = ..., version: _Optional[int] = ..., calibration: _Optional[int] = ..., samples: _Optional[int] = ..., window: _Optional[int] = ..., filled: _Optional[int] = ..., false_alarm_rate: _Optional[float] = ..., answers: _Optional[int] = ..., other_answers: _Optional[int] = ..., windows: _Optional[int] = ..., alarms: _Optional[int] = ..., statistics: _Optional[_Iterable[_Union[DriftResponse.Statistic, _Mapping]]] = ...) -> None: ...

class EndRolloutRequest(_message.Message):
    __slots__ = ["model"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class EndRolloutResponse(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class FileSignature(_message.Message):
    __slots__ = ["public_key", "signature"]
    PUBLIC_KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    public_key: str
    signature: bytes
    def __init__(self, public_key: _Optional[str] = ..., signature: _Optional[bytes] = ...) -> None: ...

class GetModelRequest(_message.Message):
    __slots__ = ["model"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class GetUploadRequest(_message.Message):
    __slots__ = ["name", "sha256"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    name: str
    sha256: str
    def __init__(self, name: _Optional[str] = ..., sha256: _Optional[str] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ["page_size", "page_token", "prefix", "tags"]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    prefix: str
    tags: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, prefix: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., tags: _Optional[_Iterable[str]] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ["models", "next_page_token"]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    next_page_token: str
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListReplicasRequest(_message.Message):
    __slots__ = []
    def __init__(self) -> None: ...

class ListReplicasResponse(_message.Message):
    __slots__ = ["replicas"]
    REPLICAS_FIELD_NUMBER: _ClassVar[int]
    replicas: _containers.RepeatedCompositeFieldContainer[Replica]
    def __init__(self, replicas: _Optional[_Iterable[_Union[Replica, _Mapping]]] = ...) -> None: ...

class ListRevisionsRequest(_message.Message):
    __slots__ = ["model", "page_size", "page_token"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    model: str
    page_size: int
    page_token: str
    def __init__(self, model: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRevisionsResponse(_message.Message):
    __slots__ = ["next_page_token", "revisions"]
    class Revision(_message.Message):
        __slots__ = ["card_json", "created_by", "created_ms", "number", "tags"]
        class TagsEntry(_message.Message):
            __slots__ = ["key", "value"]
            KEY_FIELD_NUMBER: _ClassVar[int]
            VALUE_FIELD_NUMBER: _ClassVar[int]
            key: str
            value: str
            def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
        CARD_JSON_FIELD_NUMBER: _ClassVar[int]
        CREATED_BY_FIELD_NUMBER: _ClassVar[int]
        CREATED_MS_FIELD_NUMBER: _ClassVar[int]
        NUMBER_FIELD_NUMBER: _ClassVar[int]
        TAGS_FIELD_NUMBER: _ClassVar[int]
        card_json: str
        created_by: str
        created_ms: int
        number: int
        tags: _containers.ScalarMap[str, str]
        def __init__(self, number: _Optional[int] = ..., card_json: _Optional[str] = ..., tags: _Optional[_Mapping[str, str]] = ..., created_ms: _Optional[int] = ..., created_by: _Optional[str] = ...) -> None: ...
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    REVISIONS_FIELD_NUMBER: _ClassVar[int]
    next_page_token: str
    revisions: _containers.RepeatedCompositeFieldContainer[ListRevisionsResponse.Revision]
    def __init__(self, revisions: _Optional[_Iterable[_Union[ListRevisionsResponse.Revision, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListRolloutsRequest(_message.Message):
    __slots__ = ["prefix"]
    PREFIX_FIELD_NUMBER: _ClassVar[int]
    prefix: str
    def __init__(self, prefix: _Optional[str] = ...) -> None: ...

class ListRolloutsResponse(_message.Message):
    __slots__ = ["rollouts"]
    class Rollout(_message.Message):
        __slots__ = ["alias", "candidate", "candidate_requests", "differing_rows", "failures", "largest_distance", "mean_distance", "name", "requests", "rows", "set_by", "set_ms", "shadow", "share", "skipped", "version"]
        ALIAS_FIELD_NUMBER: _ClassVar[int]
        CANDIDATE_FIELD_NUMBER: _ClassVar[int]
        CANDIDATE_REQUESTS_FIELD_NUMBER: _ClassVar[int]
        DIFFERING_ROWS_FIELD_NUMBER: _ClassVar[int]
        FAILURES_FIELD_NUMBER: _ClassVar[int]
        LARGEST_DISTANCE_FIELD_NUMBER: _ClassVar[int]
        MEAN_DISTANCE_FIELD_NUMBER: _ClassVar[int]
        NAME_FIELD_NUMBER: _ClassVar[int]
        REQUESTS_FIELD_NUMBER: _ClassVar[int]
        ROWS_FIELD_NUMBER: _ClassVar[int]
        SET_BY_FIELD_NUMBER: _ClassVar[int]
        SET_MS_FIELD_NUMBER: _ClassVar[int]
        SHADOW_FIELD_NUMBER: _ClassVar[int]
        SHARE_FIELD_NUMBER: _ClassVar[int]
        SKIPPED_FIELD_NUMBER: _ClassVar[int]
        VERSION_FIELD_NUMBER: _ClassVar[int]
        alias: str
        candidate: int
        candidate_requests: int
        differing_rows: int
        failures: int
        largest_distance: float
        mean_distance: float
        name: str
        requests: int
        rows: int
        set_by: str
        set_ms: int
        shadow: bool
        share: float
        skipped: int
        version: int
        def __init__(self, name: _Optional[str] = ..., alias: _Optional[str] = ..., version: _Optional[int] = ..., candidate: _Optional[int] = ..., share: _Optional[float] = ..., shadow: bool = ..., set_ms: _Optional[int] = ..., set_by: _Optional[str] = ..., requests: _Optional[int] = ..., candidate_requests: _Optional[int] = ..., rows: _Optional[int] = ..., differing_rows: _Optional[int] = ..., mean_distance: _Optional[float] = ..., largest_distance: _Optional[float] = ..., failures: _Optional[int] = ..., skipped: _Optional[int] = ...) -> None: ...
    ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    rollouts: _containers.RepeatedCompositeFieldContainer[ListRolloutsResponse.Rollout]
    def __init__(self, rollouts: _Optional[_Iterable[_Union[ListRolloutsResponse.Rollout, _Mapping]]] = ...) -> None: ...

class ListTrailRequest(_message.Message):
    __slots__ = ["action", "oldest_first", "page_size", "page_token", "subject", "who"]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIRST_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    action: str
    oldest_first: bool
    page_size: int
    page_token: str
    subject: str
    who: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., oldest_first: bool = ..., who: _Optional[str] = ..., action: _Optional[str] = ..., subject: _Optional[str] = ...) -> None: ...

class ListTrailResponse(_message.Message):
    __slots__ = ["entries", "next_page_token"]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[TrailEntry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[TrailEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class Model(_message.Message):
    __slots__ = ["aliases", "bytes", "calibration", "card_json", "created_by", "created_ms", "default_samples", "digest", "name", "noise_json", "removal", "revision", "signature", "signed_by", "tags", "version"]
    class Removal(_message.Message):
        __slots__ = ["kept_until_ms", "removed_by", "removed_ms"]
        KEPT_UNTIL_MS_FIELD_NUMBER: _ClassVar[int]
        REMOVED_BY_FIELD_NUMBER: _ClassVar[int]
        REMOVED_MS_FIELD_NUMBER: _ClassVar[int]
        kept_until_ms: int
        removed_by: str
        removed_ms: int
        def __init__(self, removed_ms: _Optional[int] = ..., removed_by: _Optional[str] = ..., kept_until_ms: _Optional[int] = ...) -> None: ...
    class SignedBy(_message.Message):
        __slots__ = ["created_by", "created_ms", "signature", "trusted"]
        CREATED_BY_FIELD_NUMBER: _ClassVar[int]
        CREATED_MS_FIELD_NUMBER: _ClassVar[int]
        SIGNATURE_FIELD_NUMBER: _ClassVar[int]
        TRUSTED_FIELD_NUMBER: _ClassVar[int]
        created_by: str
        created_ms: int
        signature: FileSignature
        trusted: bool
        def __init__(self, signature: _Optional[_Union[FileSignature, _Mapping]] = ..., created_ms: _Optional[int] = ..., created_by: _Optional[str] = ..., trusted: bool = ...) -> None: ...
    class TagsEntry(_message.Message):
        __slots__ = ["key", "value"]
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CALIBRATION_FIELD_NUMBER: _ClassVar[int]
    CARD_JSON_FIELD_NUMBER: _ClassVar[int]
    CREATED_BY_FIELD_NUMBER: _ClassVar[int]
    CREATED_MS_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    NOISE_JSON_FIELD_NUMBER: _ClassVar[int]
    REMOVAL_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_BY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    bytes: int
    calibration: Calibration
    card_json: str
    created_by: str
    created_ms: int
    default_samples: int
    digest: str
    name: str
    noise_json: str
    removal: Model.Removal
    revision: int
    signature: Signature
    signed_by: _containers.RepeatedCompositeFieldContainer[Model.SignedBy]
    tags: _containers.ScalarMap[str, str]
    version: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., card_json: _Optional[str] = ..., signature: _Optional[_Union[Signature, _Mapping]] = ..., created_ms: _Optional[int] = ..., created_by: _Optional[str] = ..., bytes: _Optional[int] = ..., noise_json: _Optional[str] = ..., default_samples: _Optional[int] = ..., calibration: _Optional[_Union[Calibration, _Mapping]] = ..., removal: _Optional[_Union[Model.Removal, _Mapping]] = ..., tags: _Optional[_Mapping[str, str]] = ..., revision: _Optional[int] = ..., signed_by: _Optional[_Iterable[_Union[Model.SignedBy, _Mapping]]] = ...) -> None: ...

class RemoveModelRequest(_message.Message):
    __slots__ = ["force", "model", "purge"]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    PURGE_FIELD_NUMBER: _ClassVar[int]
    force: bool
    model: str
    purge: bool
    def __init__(self, model: _Optional[str] = ..., force: bool = ..., purge: bool = ...) -> None: ...

class RemoveModelResponse(_message.Message):
    __slots__ = ["removed"]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    removed: int
    def __init__(self, removed: _Optional[int] = ...) -> None: ...

class Replica(_message.Message):
    __slots__ = ["changes_behind", "code", "compute_class", "id", "is_self", "kind", "silent_ms", "started_ms"]
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = []
    CHANGES_BEHIND_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_CLASS_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    IS_SELF_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    KIND_UNSPECIFIED: Replica.Kind
    SERVER: Replica.Kind
    SILENT_MS_FIELD_NUMBER: _ClassVar[int]
    STARTED_MS_FIELD_NUMBER: _ClassVar[int]
    WORKER: Replica.Kind
    changes_behind: int
    code: str
    compute_class: str
    id: str
    is_self: bool
    kind: Replica.Kind
    silent_ms: int
    started_ms: int
    def __init__(self, id: _Optional[str] = ..., kind: _Optional[_Union[Replica.Kind, str]] = ..., code: _Optional[str] = ..., compute_class: _Optional[str] = ..., changes_behind: _Optional[int] = ..., silent_ms: _Optional[int] = ..., started_ms: _Optional[int] = ..., is_self: bool = ...) -> None: ...

class RestoreModelRequest(_message.Message):
    __slots__ = ["model"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class RestoreModelResponse(_message.Message):
    __slots__ = ["models"]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[Model]
    def __init__(self, models: _Optional[_Iterable[_Union[Model, _Mapping]]] = ...) -> None: ...

class SetAliasRequest(_message.Message):
    __slots__ = ["alias", "everywhere", "expected_version", "model", "required_audit"]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    EVERYWHERE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_AUDIT_FIELD_NUMBER: _ClassVar[int]
    alias: str
    everywhere: bool
    expected_version: int
    model: str
    required_audit: str
    def __init__(self, model: _Optional[str] = ..., alias: _Optional[str] = ..., expected_version: _Optional[int] = ..., everywhere: bool = ..., required_audit: _Optional[str] = ...) -> None: ...

class SetRolloutRequest(_message.Message):
    __slots__ = ["alias", "model", "required_audit", "shadow", "share"]
    ALIAS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_AUDIT_FIELD_NUMBER: _ClassVar[int]
    SHADOW_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    alias: str
    model: str
    required_audit: str
    shadow: bool
    share: float
    def __init__(self, model: _Optional[str] = ..., alias: _Optional[str] = ..., share: _Optional[float] = ..., shadow: bool = ..., required_audit: _Optional[str] = ...) -> None: ...

class SignModelRequest(_message.Message):
    __slots__ = ["model", "signature"]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    model: str
    signature: FileSignature
    def __init__(self, model: _Optional[str] = ..., signature: _Optional[_Union[FileSignature, _Mapping]] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ["classes", "input_name", "input_shape", "inputs", "label_names", "output_kind", "output_kind_note", "output_name", "output_shape", "task", "task_note"]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    INPUTS_FIELD_NUMBER: _ClassVar[int]
    INPUT_NAME_FIELD_NUMBER: _ClassVar[int]
    INPUT_SHAPE_FIELD_NUMBER: _ClassVar[int]
    LABEL_NAMES_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_KIND_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_KIND_NOTE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_NAME_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_SHAPE_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    TASK_NOTE_FIELD_NUMBER: _ClassVar[int]
    classes: int
    input_name: str
    input_shape: _containers.RepeatedScalarFieldContainer[int]
    inputs: _containers.RepeatedCompositeFieldContainer[SignatureInput]
    label_names: _containers.RepeatedScalarFieldContainer[str]
    output_kind: str
    output_kind_note: str
    output_name: str
    output_shape: _containers.RepeatedScalarFieldContainer[int]
    task: str
    task_note: str
    def __init__(self, input_name: _Optional[str] = ..., input_shape: _Optional[_Iterable[int]] = ..., output_name: _Optional[str] = ..., output_shape: _Optional[_Iterable[int]] = ..., classes: _Optional[int] = ..., label_names: _Optional[_Iterable[str]] = ..., task: _Optional[str] = ..., task_note: _Optional[str] = ..., output_kind: _Optional[str] = ..., output_kind_note: _Optional[str] = ..., inputs: _Optional[_Iterable[_Union[SignatureInput, _Mapping]]] = ...) -> None: ...

class SignatureInput(_message.Message):
    __slots__ = ["name", "shape", "type"]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    type: _inference_pb2.Array.Type
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[_inference_pb2.Array.Type, str]] = ..., shape: _Optional[_Iterable[int]] = ...) -> None: ...

class TrailEntry(_message.Message):
    __slots__ = ["action", "at_ms", "detail", "hash", "number", "subject", "who"]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    AT_MS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    HASH_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    WHO_FIELD_NUMBER: _ClassVar[int]
    action: str
    at_ms: int
    detail: str
    hash: str
    number: int
    subject: str
    who: str
    def __init__(self, number: _Optional[int] = ..., at_ms: _Optional[int] = ..., who: _Optional[str] = ..., action: _Optional[str] = ..., subject: _Optional[str] = ..., detail: _Optional[str] = ..., hash: _Optional[str] = ...) -> None: ...

class UploadBegin(_message.Message):
    __slots__ = ["aliases", "bytes", "card_json", "name", "sha256", "signatures"]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    CARD_JSON_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    bytes: int
    card_json: str
    name: str
    sha256: str
    signatures: _containers.RepeatedCompositeFieldContainer[FileSignature]
    def __init__(self, name: _Optional[str] = ..., bytes: _Optional[int] = ..., sha256: _Optional[str] = ..., card_json: _Optional[str] = ..., aliases: _Optional[_Iterable[str]] = ..., signatures: _Optional[_Iterable[_Union[FileSignature, _Mapping]]] = ...) -> None: ...

class UploadChunk(_message.Message):
    __slots__ = ["data", "offset"]
    DATA_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    offset: int
    def __init__(self, offset: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class UploadRequest(_message.Message):
    __slots__ = ["begin", "chunk"]
    BEGIN_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    begin: UploadBegin
    chunk: UploadChunk
    def __init__(self, begin: _Optional[_Union[UploadBegin, _Mapping]] = ..., chunk: _Optional[_Union[UploadChunk, _Mapping]] = ...) -> None: ...

class UploadResponse(_message.Message):
    __slots__ = ["existed", "model", "warnings"]
    EXISTED_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    existed: bool
    model: Model
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[_Union[Model, _Mapping]] = ..., existed: bool = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class UploadStatus(_message.Message):
    __slots__ = ["received"]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    received: int
    def __init__(self, received: _Optional[int] = ...) -> None: ...
