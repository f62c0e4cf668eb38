/* Dither's C client: predictions that say how sure they are, over the framed protocol (docs/protocol.md).
 *
 * Needs libprotobuf-c and libssl. C11, POSIX. The library keeps no global state, prints nothing, never aborts and never
 * raises SIGPIPE. Every function that can fail returns a dither_code and, where a dither_error is given, says there what
 * happened and what to do. A client belongs to one thread at a time; different clients are independent.
 */
#ifndef DITHER_H
#define DITHER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DITHER_API __attribute__((visibility("default")))
#else
#define DITHER_API
#endif

/* How a call ended: gRPC's codes, number for number. */
typedef enum dither_code {
  DITHER_OK = 0,
  DITHER_CANCELLED = 1,
  DITHER_UNKNOWN = 2,
  DITHER_INVALID_ARGUMENT = 3,
  DITHER_DEADLINE_EXCEEDED = 4,
  DITHER_NOT_FOUND = 5,
  DITHER_ALREADY_EXISTS = 6,
  DITHER_PERMISSION_DENIED = 7,
  DITHER_RESOURCE_EXHAUSTED = 8,
  DITHER_FAILED_PRECONDITION = 9,
  DITHER_ABORTED = 10,
  DITHER_OUT_OF_RANGE = 11,
  DITHER_UNIMPLEMENTED = 12,
  DITHER_INTERNAL = 13,
  DITHER_UNAVAILABLE = 14,
  DITHER_DATA_LOSS = 15,
  DITHER_UNAUTHENTICATED = 16
} dither_code;

typedef struct dither_error {
  dither_code code;
  char message[512];        /* for people; control characters are replaced */
  uint64_t retry_after_ms;  /* with DITHER_RESOURCE_EXHAUSTED or DITHER_UNAVAILABLE: when to try again; 0: not said */
} dither_error;

/* The code's name as gRPC writes it ("NOT_FOUND"). */
DITHER_API const char *dither_code_name(dither_code code);

/* ---- Connections ---- */

/* Time-outs are in milliseconds; 0 means 30 seconds. */
#define DITHER_NO_TIMEOUT UINT32_MAX

/* Zero what is not needed. */
typedef struct dither_options {
  const char *address;       /* "dither://host:port" or "host:port"; "dither+plain://host:port": no TLS */
  const char *ca_file;       /* PEM; NULL: the system's certificate authorities */
  const char *server_name;   /* the name in the server's certificate; NULL: the host of the address */
  const char *token;         /* bearer token; NULL: none */
  const char *cert_file;     /* client certificate and key (PEM) for mutual TLS; both or neither */
  const char *key_file;
  int plaintext;             /* 1: no TLS, for a server started with --insecure */
  uint32_t timeout_ms;       /* for connecting, TLS and Hello. A host's name is looked up before it starts to count */
  uint32_t max_frame_bytes;  /* the largest frame taken from the server; 0: 16 MiB */
} dither_options;

typedef struct dither_client dither_client;

/* Connects, checks the server's certificate, exchanges Hello. `*client` is set only on DITHER_OK. */
DITHER_API dither_code dither_connect(const dither_options *options, dither_client **client, dither_error *error);

/* Asks for a sign of life. */
DITHER_API dither_code dither_ping(dither_client *client, uint32_t timeout_ms, dither_error *error);

/* 1 while new calls can be made; 0 after a broken connection or a server that is draining: connect again. */
DITHER_API int dither_is_usable(const dither_client *client);

/* Closes and frees; NULL is allowed. */
DITHER_API void dither_close(dither_client *client);

/* ---- Predictions ---- */

typedef enum dither_type { DITHER_FLOAT32 = 1, DITHER_UINT8 = 2, DITHER_INT64 = 3 } dither_type;

/* One of the inputs of a model that takes several. */
typedef struct dither_input {
  const char *name;         /* as the model calls it */
  dither_type type;
  const int64_t *shape;     /* the first is the batch: the same in all */
  size_t rank;              /* 1 to 8 */
  const void *data;         /* row-major, little-endian, without padding */
  size_t bytes;             /* must be the product of the shape times the size of the type */
} dither_input;

/* How prediction sets are made: all classes above one probability, or the likeliest up to one total. */
typedef enum dither_set_rule { DITHER_SET_LAC = 0, DITHER_SET_APS = 1 } dither_set_rule;

/* How intervals of a regression are made: the mean, and one distance; as many of the answer's standard deviations; its own
   quantiles, moved. AUTO is NORMALIZED where the calibration has it, else ABSOLUTE. */
typedef enum dither_interval_rule {
  DITHER_INTERVAL_AUTO = 0,
  DITHER_INTERVAL_ABSOLUTE = 1,
  DITHER_INTERVAL_NORMALIZED = 2,
  DITHER_INTERVAL_QUANTILES = 3
} dither_interval_rule;

/* Zero what is not needed. */
typedef struct dither_predict_request {
  const char *model;        /* "name", "name@version" or "name:alias" */
  dither_type type;         /* DITHER_UINT8: 0-255, scaled by the model's own normalization */
  const int64_t *shape;     /* the first is the batch */
  size_t rank;              /* 1 to 8 */
  const void *data;         /* row-major, little-endian, without padding */
  size_t bytes;             /* must be the product of the shape times the size of the type */
  int has_samples;          /* 0: the model's default */
  uint32_t samples;         /* Monte-Carlo draws; 0 is the deterministic pass */
  double tolerance;         /* > 0: instead of `samples`, sample until the standard error is below it */
  uint32_t max_samples;     /* the bound with `tolerance`; 0 is the server's */
  int has_seed;             /* 0: the server draws one and says which */
  uint64_t seed;
  const double *quantiles;  /* levels in [0, 1] */
  size_t quantile_count;
  const char *const *measures;  /* names of those that each prediction shall have; none: the standard ones */
  size_t measure_count;
  const char *const *noise; /* terms in place of the model's own noise, as "weights:gaussian,sigma=0.03"; none: its own */
  size_t noise_count;
  const dither_input *inputs;  /* in place of type, shape, rank, data and bytes: each input of the model once, up to 64 */
  size_t input_count;
  uint32_t timeout_ms;      /* sent to the server, and kept here as well */
  double coverage;          /* in (0, 1): of a calibrated version. Each prediction has a set that holds the true class as often, or of a
                               regression the measures "conformal_lower" and "conformal_upper"; 0: none is asked for */
  dither_set_rule set_rule; /* with `coverage`, of classes */
  int never_empty;          /* with `coverage`: the likeliest class is in every set */
  dither_interval_rule interval_rule;  /* with `coverage`, of a regression */
  int uncalibrated;         /* leave the version's temperature out */
} dither_predict_request;

typedef struct dither_quantile {
  double level;
  const double *values;  /* one for each class or value */
} dither_quantile;

/* How sure an answer is, by name. Standard are, entropies in nats: "std" over the draws (one for each class or value),
   "predictive_entropy" H[mean p] (total), "expected_entropy" mean H[p] (aleatoric, what more data could not mend), "mutual_information"
   the difference (epistemic, what more data could mend), "variation_ratio" 1 - share of the most voted class, "margin" largest less second
   largest mean probability, "standard_error" the largest Monte-Carlo standard error of a mean. A regression has "std", "epistemic_variance",
   "aleatoric_variance", "interval_lower" and "interval_upper" (of 95 %), one for each value, and with `coverage` "conformal_lower" and
   "conformal_upper". */
typedef struct dither_measure {
  const char *name;
  const double *values;
  size_t count;  /* at least 1 */
} dither_measure;

/* One example's answer: of a classification `classes` probabilities, of a regression `value_count` values. */
typedef struct dither_prediction {
  uint32_t label;                 /* of a classification */
  const char *label_name;         /* "" when the model has no names */
  size_t classes;                 /* 0: a regression */
  const double *probabilities;    /* [classes]: mean over the draws */
  size_t value_count;             /* 0: a classification */
  const double *values;           /* [value_count]: mean over the draws */
  const dither_measure *measures; /* what was not measured, as disagreement by one draw, is not among them */
  size_t measure_count;
  const dither_quantile *quantiles;
  size_t quantile_count;
  const uint32_t *set;            /* with `coverage`: classes, rising */
  size_t set_count;               /* a set may be empty */
} dither_prediction;

typedef enum dither_stop_reason {
  DITHER_REQUESTED = 0,
  DITHER_TOLERANCE_MET = 1,
  DITHER_SAMPLE_LIMIT = 2,
  DITHER_DEADLINE_NEAR = 3
} dither_stop_reason;

/* Everything it points to lives until dither_answer_free. */
typedef struct dither_answer {
  const char *model;
  uint64_t version;
  const char *digest;     /* "sha256:…" of the model's file */
  uint32_t samples;       /* draws used; 0 for the deterministic pass */
  uint64_t seed;          /* the same seed gives the same answer */
  const char *const *noise;  /* the terms that were drawn; none of the deterministic pass */
  size_t noise_count;
  dither_stop_reason stop_reason;
  uint64_t queue_us;
  uint64_t compute_us;
  size_t count;           /* the batch */
  const dither_prediction *predictions;
  double temperature;     /* that every draw's logits were divided by; 1 without a calibration */
  uint64_t calibration;   /* which of the version's calibrations was used; 0: none */
} dither_answer;

/* `*answer` is set only on DITHER_OK. */
DITHER_API dither_code dither_predict(
    dither_client *client, const dither_predict_request *request, dither_answer **answer, dither_error *error);

/* NULL: the answer does not have it. */
DITHER_API const dither_measure *dither_find_measure(const dither_prediction *prediction, const char *name);

DITHER_API void dither_answer_free(dither_answer *answer);

/* ---- Models ---- */

typedef struct dither_model {
  const char *name;
  uint64_t version;
  const char *digest;
  uint64_t bytes;
  uint32_t classes;
  uint32_t default_samples;
  const int64_t *input_shape;  /* -1 is the batch, and behind it an axis of any extent */
  size_t input_rank;
} dither_model;

typedef struct dither_models {
  size_t count;
  const dither_model *models;  /* newest first within a name */
} dither_models;

/* `prefix`: names that begin with it; NULL: all. A long list comes in pages, which are all taken: `timeout_ms` is for
   each. `*models` is set only on DITHER_OK. */
DITHER_API dither_code dither_list_models(
    dither_client *client, const char *prefix, uint32_t timeout_ms, dither_models **models, dither_error *error);

DITHER_API void dither_models_free(dither_models *models);

#ifdef __cplusplus
}
#endif

#endif
