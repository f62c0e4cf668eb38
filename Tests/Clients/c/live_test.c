/* The C client against a live server: `live_test MODEL`, with DITHER_ADDRESS, DITHER_TOKEN and DITHER_CA set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "dither.h"

enum { batch = 3 };

static int64_t shape[8];
static size_t rank, size;
static float *pixels;

static dither_options standard_options(void) {
  return (dither_options){
      .address = getenv("DITHER_ADDRESS"), .token = getenv("DITHER_TOKEN"), .ca_file = getenv("DITHER_CA")};
}

static dither_predict_request standard_request(const char *model) {
  shape[0] = batch;
  return (dither_predict_request){
      .model = model, .type = DITHER_FLOAT32, .shape = shape, .rank = rank, .data = pixels,
      .bytes = batch * size * sizeof(float), .has_samples = 1, .samples = 32, .has_seed = 1, .seed = 7,
      .timeout_ms = 20000};
}

static void check_models(dither_client *client, const char *model) {
  const char *where = "models";
  dither_error error;
  dither_models *models = NULL;
  CHECK(dither_list_models(client, model, 0, &models, &error) == DITHER_OK);
  if (!models) return;
  CHECK(models->count >= 1 && strcmp(models->models[0].name, model) == 0);
  CHECK(models->models[0].version >= 1 && strncmp(models->models[0].digest, "sha256:", 7) == 0);
  CHECK(models->models[0].classes == 10 && models->models[0].input_rank >= 2);
  rank = models->models[0].input_rank;
  size = 1;
  for (size_t i = 1; i < rank && i < 8; i++) size *= (size_t)(shape[i] = models->models[0].input_shape[i]);
  dither_models_free(models);
  pixels = malloc(batch * size * sizeof *pixels);
  for (size_t i = 0; pixels && i < batch * size; i++) pixels[i] = (float)((i * 37) % 101) / 100;
}

/* The only value of a measure; NaN where the answer does not have it. */
static double value_of(const dither_prediction *it, const char *name) {
  const dither_measure *measure = dither_find_measure(it, name);
  return measure && measure->count == 1 ? measure->values[0] : NAN;
}

static void check_prediction(const char *where, const dither_prediction *it, int stochastic) {
  double sum = 0;
  for (size_t i = 0; i < it->classes; i++) {
    sum += it->probabilities[i];
    CHECK(it->probabilities[i] >= 0 && it->probabilities[i] <= it->probabilities[it->label]);
  }
  CHECK(fabs(sum - 1) < 1e-6);
  CHECK(it->classes == 10 && it->value_count == 0 && it->label < 10 && it->label_name != NULL);
  CHECK(value_of(it, "margin") >= 0 && value_of(it, "predictive_entropy") >= 0);
  const dither_measure *std = dither_find_measure(it, "std");
  double parts = value_of(it, "expected_entropy") + value_of(it, "mutual_information");
  if (stochastic) {
    CHECK(std && std->count == 10 && std->values[it->label] > 0 && value_of(it, "standard_error") > 0);
    CHECK(fabs(value_of(it, "predictive_entropy") - parts) < 1e-6 && value_of(it, "variation_ratio") >= 0);
  } else {
    CHECK(!std && isnan(parts) && isnan(value_of(it, "standard_error")) && isnan(value_of(it, "variation_ratio")));
  }
}

/* Those that are asked for, in their order; a name that no measure has is refused with the nearest. */
static void check_measures(dither_client *client, const char *model) {
  const char *where = "measures";
  const char *names[] = {"margin", "std"}, *unknown[] = {"margins"};
  dither_error error = {DITHER_OK, "", 0};
  dither_answer *answer = NULL;
  dither_predict_request request = standard_request(model);
  request.measures = names;
  request.measure_count = 2;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_OK);
  if (answer) {
    const dither_prediction *first = &answer->predictions[0];
    CHECK(first->measure_count == 2 && strcmp(first->measures[0].name, "margin") == 0);
    CHECK(strcmp(first->measures[1].name, "std") == 0);
  }
  dither_answer_free(answer);
  answer = NULL;
  request.measures = unknown;
  request.measure_count = 1;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_INVALID_ARGUMENT && !answer);
  CHECK(strstr(error.message, "did you mean 'margin'") != NULL);
}

/* In place of the model's own: the answer says it; what is none is refused. */
static void check_noise(dither_client *client, const char *model) {
  const char *where = "noise";
  const char *terms[] = {"weights:gaussian,sigma=0.05", "input:gaussian,sigma=0.1"}, *unknown[] = {"weigths:sigma=1"};
  dither_error error = {DITHER_OK, "", 0};
  dither_answer *answer = NULL;
  dither_predict_request request = standard_request(model);
  request.noise = terms;
  request.noise_count = 2;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_OK);
  if (answer) {
    CHECK(answer->samples == 32 && answer->noise_count == 2);
    CHECK(strcmp(answer->noise[0], terms[0]) == 0 && strcmp(answer->noise[1], terms[1]) == 0);
  }
  dither_answer_free(answer);
  answer = NULL;
  request.noise = unknown;
  request.noise_count = 1;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_INVALID_ARGUMENT && !answer);
  CHECK(strstr(error.message, "did you mean 'weights'") != NULL);
}

/* Only of a calibrated version; `values` is one, of a regression with ten values. */
static void check_coverage(dither_client *client, const char *model, const char *values) {
  const char *where = "coverage";
  dither_error error = {DITHER_OK, "", 0};
  dither_answer *answer = NULL;
  dither_predict_request request = standard_request(model);
  request.coverage = 0.9;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_FAILED_PRECONDITION && !answer);
  CHECK(strstr(error.message, "dither calibrate") != NULL);
  request.coverage = 1;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_INVALID_ARGUMENT && !answer);
  request.coverage = NAN;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_INVALID_ARGUMENT && !answer);
  if (!values) return;
  request.model = values;
  request.coverage = 0.8;
  double widths[4] = {0, 0, 0, 0};
  for (int rule = DITHER_INTERVAL_AUTO; rule <= DITHER_INTERVAL_QUANTILES; rule++) {
    request.interval_rule = (dither_interval_rule)rule;
    CHECK(dither_predict(client, &request, &answer, &error) == DITHER_OK);
    if (!answer) return;
    const dither_prediction *first = &answer->predictions[0];
    const dither_measure *lower = dither_find_measure(first, "conformal_lower"), *upper = dither_find_measure(first, "conformal_upper");
    CHECK(answer->calibration == 1 && answer->temperature == 1 && first->set_count == 0 && first->value_count == 10);
    CHECK(lower && upper && lower->count == 10 && upper->count == 10);
    if (lower && upper) widths[rule] = upper->values[0] - lower->values[0];
    CHECK(widths[rule] > 0);
    dither_answer_free(answer);
    answer = NULL;
  }
  CHECK(widths[DITHER_INTERVAL_AUTO] == widths[DITHER_INTERVAL_NORMALIZED]);
  CHECK(widths[DITHER_INTERVAL_AUTO] != widths[DITHER_INTERVAL_ABSOLUTE]);
  request.set_rule = DITHER_SET_APS;
  CHECK(dither_predict(client, &request, &answer, &error) == DITHER_INVALID_ARGUMENT && !answer);
  CHECK(strstr(error.message, "interval_rule") != NULL);
}

/* By its name, which the refusal of another one says; what cannot be sent is refused here. */
static void check_named(dither_client *client, const char *model) {
  const char *where = "named inputs";
  dither_error error = {DITHER_OK, "", 0};
  dither_answer *answer = NULL, *plain = NULL;
  dither_predict_request request = standard_request(model), named = request;
  dither_input inputs[2] = {
      {"no such input", request.type, request.shape, request.rank, request.data, request.bytes},
      {"other", request.type, request.shape, request.rank, request.data, request.bytes}};
  named.shape = NULL;
  named.data = NULL;
  named.inputs = inputs;
  named.input_count = 1;
  CHECK(dither_predict(client, &named, &answer, &error) == DITHER_INVALID_ARGUMENT && !answer);
  char name[64] = "";
  const char *start = strstr(error.message, "expected '"), *end = start ? strchr(start + 10, '\'') : NULL;
  CHECK(end && end - start < 60);
  if (!end || end - start >= 60) return;
  memcpy(name, start + 10, (size_t)(end - start - 10));
  inputs[0].name = name;
  CHECK(dither_predict(client, &named, &answer, &error) == DITHER_OK);
  CHECK(dither_predict(client, &request, &plain, &error) == DITHER_OK);
  if (answer && plain) {
    CHECK(answer->count == batch);
    for (size_t c = 0; c < 10; c++) {
      CHECK(fabs(answer->predictions[1].probabilities[c] - plain->predictions[1].probabilities[c]) < 1e-9);
    }
  }
  dither_answer_free(answer);
  dither_answer_free(plain);
  answer = NULL;
  named.input_count = 2;
  CHECK(dither_predict(client, &named, &answer, &error) == DITHER_INVALID_ARGUMENT && !answer);
  const int64_t other[] = {batch + 1, 1};
  inputs[1] = (dither_input){"other", DITHER_UINT8, other, 2, pixels, batch + 1};
  CHECK(dither_predict(client, &named, &answer, &error) == DITHER_INVALID_ARGUMENT && strstr(error.message, "a batch of"));
  named.shape = shape;
  CHECK(dither_predict(client, &named, &answer, &error) == DITHER_INVALID_ARGUMENT && strstr(error.message, "both"));
}

static void check_predictions(dither_client *client, const char *model) {
  const char *where = "predict";
  const double levels[] = {0.05, 0.5, 0.95};
  dither_error error = {DITHER_OK, "", 0};
  dither_answer *first = NULL, *again = NULL, *plain = NULL;
  dither_predict_request request = standard_request(model);
  request.quantiles = levels;
  request.quantile_count = 3;
  CHECK(dither_predict(client, &request, &first, &error) == DITHER_OK);
  CHECK(dither_predict(client, &request, &again, &error) == DITHER_OK);
  request.samples = 0;
  request.quantile_count = 0;
  CHECK(dither_predict(client, &request, &plain, &error) == DITHER_OK);
  if (error.code != DITHER_OK) printf("  %s: %s\n", dither_code_name(error.code), error.message);
  if (first && again && plain) {
    CHECK(first->count == batch && first->samples == 32 && first->seed == 7 && plain->samples == 0);
    CHECK(first->stop_reason == DITHER_REQUESTED);
    for (size_t i = 0; i < batch; i++) {
      const dither_prediction *a = &first->predictions[i], *b = &again->predictions[i];
      check_prediction("samples", a, 1);
      check_prediction("deterministic", &plain->predictions[i], 0);
      CHECK(a->quantile_count == 3 && a->quantiles[1].level == 0.5);
      for (size_t c = 0; c < a->classes; c++) {
        CHECK(fabs(a->probabilities[c] - b->probabilities[c]) < 1e-6);
        CHECK(a->quantiles[0].values[c] <= a->quantiles[1].values[c]);
        CHECK(a->quantiles[1].values[c] <= a->quantiles[2].values[c]);
      }
    }
  }
  dither_answer_free(first);
  dither_answer_free(again);
  dither_answer_free(plain);
}

static void expect_refusal(
    const char *where, dither_client *client, dither_predict_request request, dither_code expected) {
  dither_error error = {DITHER_OK, "", 0};
  dither_answer *answer = NULL;
  dither_code code = dither_predict(client, &request, &answer, &error);
  CHECK(code == expected && error.code == expected && error.message[0] != 0 && answer == NULL);
  if (code != expected) printf("  %s: got %s: %s\n", where, dither_code_name(code), error.message);
  dither_answer_free(answer);
}

static void check_refusals(dither_client *client, const char *model) {
  const char *where = "refusals";
  dither_predict_request unknown = standard_request("no-such-model");
  expect_refusal("unknown model", client, unknown, DITHER_NOT_FOUND);
  dither_predict_request flat = standard_request(model);
  const int64_t wrong[] = {batch, (int64_t)size - 1};
  flat.shape = wrong;
  flat.rank = 2;
  flat.bytes = batch * (size - 1) * sizeof(float);
  expect_refusal("wrong shape", client, flat, DITHER_INVALID_ARGUMENT);
  dither_predict_request hurried = standard_request(model);
  hurried.samples = 4096;
  hurried.timeout_ms = 1;
  expect_refusal("deadline", client, hurried, DITHER_DEADLINE_EXCEEDED);
  /* The connection is as good as before. */
  CHECK(dither_is_usable(client) && dither_ping(client, 0, NULL) == DITHER_OK);
}

static void check_doors(const char *model) {
  const char *where = "doors";
  dither_error error;
  dither_client *client = NULL;
  dither_options stranger = standard_options();
  stranger.token = "not-a-token";
  dither_code code = dither_connect(&stranger, &client, &error);
  if (code == DITHER_OK) expect_refusal("wrong token", client, standard_request(model), DITHER_UNAUTHENTICATED);
  if (code != DITHER_OK) CHECK(code == DITHER_UNAUTHENTICATED);
  dither_close(client);
  client = NULL;
  dither_options untrusting = standard_options();
  untrusting.ca_file = NULL;
  CHECK(dither_connect(&untrusting, &client, &error) == DITHER_UNAVAILABLE && strstr(error.message, "certificate"));
  dither_options misnamed = standard_options();
  misnamed.server_name = "somewhere.else.example";
  CHECK(dither_connect(&misnamed, &client, &error) == DITHER_UNAVAILABLE && client == NULL);
}

int main(int count, char **arguments) {
  const char *where = "main";
  if (count != 2 || !getenv("DITHER_ADDRESS")) return 2;
  dither_options options = standard_options();
  dither_error error;
  dither_client *client = NULL;
  CHECK(dither_connect(&options, &client, &error) == DITHER_OK);
  if (!client) return printf("%s: %s\n", dither_code_name(error.code), error.message), 1;
  CHECK(dither_ping(client, 0, &error) == DITHER_OK);
  check_models(client, arguments[1]);
  if (pixels) {
    check_predictions(client, arguments[1]);
    check_measures(client, arguments[1]);
    check_noise(client, arguments[1]);
    check_coverage(client, arguments[1], getenv("DITHER_TEST_VALUES"));
    check_named(client, arguments[1]);
    check_refusals(client, arguments[1]);
    check_doors(arguments[1]);
  }
  dither_close(client);
  free(pixels);
  printf("C client against the live server: %d checks, %d failed\n", checks, failures);
  return failures != 0;
}
