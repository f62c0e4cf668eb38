#include <stdlib.h>
#include <string.h>

#include "dither/v1/inference.pb-c.h"
#include "internal.h"

/* The public answer, and the message that its pointers lead into. */
typedef struct held_answer {
  dither_answer answer;  /* first: callers hold a pointer to it */
  Dither__V1__PredictResponse *message;
  dither_prediction *predictions;
  dither_quantile *quantiles;
  dither_measure *measures;
} held_answer;

enum { most_dimensions = 8 };

/* ---- The request ---- */

static size_t size_of(dither_type type) {
  switch (type) {
    case DITHER_FLOAT32: return 4;
    case DITHER_UINT8: return 1;
    case DITHER_INT64: return 8;
  }
  return 0;
}

enum { most_inputs = 64 };

/* The request's one input, without a name. */
static dither_input only_input(const dither_predict_request *request) {
  return (dither_input){
      .type = request->type, .shape = request->shape, .rank = request->rank, .data = request->data,
      .bytes = request->bytes};
}

static int64_t batch_of(const dither_predict_request *request) {
  return request->input_count ? request->inputs[0].shape[0] : request->shape[0];
}

static dither_code check_input(const dither_input *input, dither_error *error) {
  const char *name = input->name ? input->name : "input";
  size_t expected = size_of(input->type);
  if (!input->data || !input->shape) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "%.64s: expected shape and data", name);
  }
  if (expected == 0) return dither_fail(error, DITHER_INVALID_ARGUMENT, "%.64s, type: expected a dither_type", name);
  if (input->rank == 0 || input->rank > most_dimensions) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "%.64s, rank: expected 1 to 8, got %zu", name, input->rank);
  }
  for (size_t i = 0; i < input->rank; i++) {
    int64_t extent = input->shape[i];
    if (extent <= 0 || (uint64_t)extent > SIZE_MAX / expected) {
      return dither_fail(
          error, DITHER_INVALID_ARGUMENT, "%.64s, shape[%zu]: expected a positive extent that fits, got %lld", name, i,
          (long long)extent);
    }
    expected *= (size_t)extent;
  }
  if (expected != input->bytes) {
    return dither_fail(
        error, DITHER_INVALID_ARGUMENT, "%.64s, bytes: the shape takes %zu, got %zu", name, expected, input->bytes);
  }
  return DITHER_OK;
}

static dither_code check_texts(const char *const *texts, size_t count, const char *field, dither_error *error) {
  if (count > 0 && !texts) return dither_fail(error, DITHER_INVALID_ARGUMENT, "a count of %s without %s", field, field);
  for (size_t i = 0; i < count; i++) {
    if (!texts[i]) return dither_fail(error, DITHER_INVALID_ARGUMENT, "%s[%zu]: no text", field, i);
  }
  return DITHER_OK;
}

static dither_code check_inputs(const dither_predict_request *request, dither_error *error) {
  if (request->input_count == 0) {
    dither_input only = only_input(request);
    return check_input(&only, error);
  }
  if (!request->inputs || request->input_count > most_inputs) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "inputs: expected 1 to 64, got %zu", request->input_count);
  }
  if (request->data || request->shape) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "inputs: expected either inputs or data and shape, got both");
  }
  for (size_t i = 0; i < request->input_count; i++) {
    const dither_input *input = &request->inputs[i];
    if (!input->name) return dither_fail(error, DITHER_INVALID_ARGUMENT, "inputs[%zu]: no name", i);
    dither_code code = check_input(input, error);
    if (code != DITHER_OK) return code;
    if (input->shape[0] != request->inputs[0].shape[0]) {
      return dither_fail(
          error, DITHER_INVALID_ARGUMENT, "%.64s: expected a batch of %lld, as the first input has, got %lld", input->name,
          (long long)request->inputs[0].shape[0], (long long)input->shape[0]);
    }
  }
  return DITHER_OK;
}

static dither_code check_request(const dither_predict_request *request, dither_error *error) {
  if (!request->model) return dither_fail(error, DITHER_INVALID_ARGUMENT, "dither_predict: expected a model");
  if (request->quantile_count > 0 && !request->quantiles) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "quantile_count without quantiles");
  }
  /* False of what is no number, too. */
  if (!(request->coverage >= 0 && request->coverage < 1)) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "coverage: expected a number from 0 to below 1, got %g", request->coverage);
  }
  dither_code code = check_texts(request->measures, request->measure_count, "measures", error);
  if (code == DITHER_OK) code = check_texts(request->noise, request->noise_count, "noise", error);
  return code == DITHER_OK ? check_inputs(request, error) : code;
}

static void fill_array(const dither_input *input, Dither__V1__Array *array) {
  array->type = (Dither__V1__Array__Type)input->type;
  array->n_shape = input->rank;
  array->shape = (int64_t *)input->shape;
  array->data.len = input->bytes;
  array->data.data = (uint8_t *)input->data;
}

/* The arrays of a message, which lead into the request. */
typedef struct message_inputs {
  Dither__V1__Array arrays[most_inputs];
  Dither__V1__NamedArray named[most_inputs];
  Dither__V1__NamedArray *pointers[most_inputs];
} message_inputs;

static void fill_message(
    const dither_predict_request *request, Dither__V1__PredictRequest *message, message_inputs *inputs) {
  message->model = (char *)request->model;
  if (request->input_count == 0) {
    dither_input only = only_input(request);
    inputs->arrays[0] = (Dither__V1__Array)DITHER__V1__ARRAY__INIT;
    fill_array(&only, &inputs->arrays[0]);
    message->input = &inputs->arrays[0];
  }
  for (size_t i = 0; i < request->input_count; i++) {
    inputs->arrays[i] = (Dither__V1__Array)DITHER__V1__ARRAY__INIT;
    fill_array(&request->inputs[i], &inputs->arrays[i]);
    inputs->named[i] = (Dither__V1__NamedArray)DITHER__V1__NAMED_ARRAY__INIT;
    inputs->named[i].name = (char *)request->inputs[i].name;
    inputs->named[i].array = &inputs->arrays[i];
    inputs->pointers[i] = &inputs->named[i];
  }
  message->n_inputs = request->input_count;
  message->inputs = request->input_count ? inputs->pointers : NULL;
  if (request->has_samples) {
    message->how_many_case = DITHER__V1__PREDICT_REQUEST__HOW_MANY_SAMPLES;
    message->samples = request->samples;
  }
  message->tolerance = request->tolerance;
  message->max_samples = request->max_samples;
  if (request->has_seed) {
    message->seeded_case = DITHER__V1__PREDICT_REQUEST__SEEDED_SEED;
    message->seed = request->seed;
  }
  message->n_quantiles = request->quantile_count;
  message->quantiles = (double *)request->quantiles;
  message->n_measures = request->measure_count;
  message->measures = (char **)request->measures;
  message->n_noise = request->noise_count;
  message->noise = (char **)request->noise;
  message->coverage = request->coverage;
  message->set_rule = (Dither__V1__PredictRequest__SetRule)request->set_rule;
  message->never_empty = request->never_empty != 0;
  message->interval_rule = (Dither__V1__PredictRequest__IntervalRule)request->interval_rule;
  message->uncalibrated = request->uncalibrated != 0;
}

/* ---- The answer ---- */

/* Numbers of one answer: its probabilities or its values. */
static size_t width_of(const Dither__V1__Prediction *from) {
  return from->n_probabilities ? from->n_probabilities : from->n_values;
}

static int is_consistent(const Dither__V1__Prediction *from, size_t quantile_count) {
  if ((from->n_probabilities == 0) == (from->n_values == 0)) return 0;
  int is_labelled = from->labelled_case == DITHER__V1__PREDICTION__LABELLED_LABEL;
  if (is_labelled != (from->n_probabilities > 0)) return 0;
  if (is_labelled && from->label >= from->n_probabilities) return 0;
  if (from->n_quantiles != quantile_count) return 0;
  for (size_t i = 0; i < from->n_quantiles; i++) {
    if (from->quantiles[i]->n_values != width_of(from)) return 0;
  }
  for (size_t i = 0; i < from->n_measures; i++) {
    if (from->measures[i]->n_values == 0 || from->measures[i]->name[0] == 0) return 0;
  }
  return 1;
}

static void show_prediction(
    const Dither__V1__Prediction *from, dither_prediction *to, dither_quantile *quantiles, dither_measure *measures) {
  to->label = from->labelled_case == DITHER__V1__PREDICTION__LABELLED_LABEL ? from->label : 0;
  to->label_name = from->label_name;
  to->classes = from->n_probabilities;
  to->probabilities = from->probabilities;
  to->value_count = from->n_values;
  to->values = from->values;
  to->measures = measures;
  to->measure_count = from->n_measures;
  for (size_t i = 0; i < from->n_measures; i++) {
    measures[i].name = from->measures[i]->name;
    measures[i].values = from->measures[i]->values;
    measures[i].count = from->measures[i]->n_values;
  }
  to->quantiles = quantiles;
  to->quantile_count = from->n_quantiles;
  to->set = from->prediction_set;
  to->set_count = from->n_prediction_set;
  for (size_t i = 0; i < from->n_quantiles; i++) {
    quantiles[i].level = from->quantiles[i]->level;
    quantiles[i].values = from->quantiles[i]->values;
  }
}

static void show_answer(held_answer *held, size_t quantile_count) {
  const Dither__V1__PredictResponse *message = held->message;
  dither_answer *to = &held->answer;
  to->model = message->model;
  to->version = message->version;
  to->digest = message->digest;
  to->samples = message->samples;
  to->seed = message->seed;
  to->noise = (const char *const *)message->noise;
  to->noise_count = message->n_noise;
  to->stop_reason = (dither_stop_reason)message->stop_reason;
  to->temperature = message->temperature;
  to->calibration = message->calibration;
  if (message->timing) {
    to->queue_us = message->timing->queue_us;
    to->compute_us = message->timing->compute_us;
  }
  to->count = message->n_predictions;
  to->predictions = held->predictions;
  dither_measure *measures = held->measures;
  for (size_t i = 0; i < message->n_predictions; i++) {
    show_prediction(message->predictions[i], &held->predictions[i], held->quantiles + i * quantile_count, measures);
    measures += message->predictions[i]->n_measures;
  }
}

static dither_code read_answer(
    const dither_predict_request *request, const unsigned char *bytes, size_t count, held_answer *held,
    dither_error *error) {
  dither_budget budget;
  dither_budget_for(&budget, count);
  held->message = dither__v1__predict_response__unpack(&budget.allocator, count, bytes);
  if (!held->message) {
    return dither_fail(error, DITHER_INTERNAL, "the server broke the protocol: an answer that is not PredictResponse");
  }
  size_t predictions = held->message->n_predictions;
  if (predictions != (uint64_t)batch_of(request)) {
    return dither_fail(
        error, DITHER_INTERNAL, "the server broke the protocol: %zu predictions for %lld inputs", predictions,
        (long long)batch_of(request));
  }
  size_t measures = 0;
  for (size_t i = 0; i < predictions; i++) {
    measures += held->message->predictions[i]->n_measures;
    if (!is_consistent(held->message->predictions[i], request->quantile_count)) {
      return dither_fail(error, DITHER_INTERNAL, "the server broke the protocol: prediction %zu is incomplete", i);
    }
  }
  held->predictions = calloc(predictions, sizeof *held->predictions);
  /* All of these are in memory already, so their number fits. At least one of each, so that NULL means no memory. */
  size_t quantiles = request->quantile_count;
  held->quantiles = calloc(quantiles ? predictions * quantiles : 1, sizeof *held->quantiles);
  held->measures = calloc(measures ? measures : 1, sizeof *held->measures);
  if (!held->predictions || !held->quantiles || !held->measures) {
    return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  }
  show_answer(held, quantiles);
  return DITHER_OK;
}

dither_code dither_predict(
    dither_client *client, const dither_predict_request *request, dither_answer **answer, dither_error *error) {
  dither_error local;
  if (!error) error = &local;
  dither_clear(error);
  if (!request || !answer) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "dither_predict: expected a request and a place for the answer");
  }
  dither_code code = check_request(request, error);
  if (code != DITHER_OK) return code;
  message_inputs inputs;
  Dither__V1__PredictRequest message = DITHER__V1__PREDICT_REQUEST__INIT;
  fill_message(request, &message, &inputs);
  unsigned char *bytes = NULL;
  size_t count = 0;
  code = dither_unary(
      client, "dither.v1.Inference/Predict", &message.base, request->timeout_ms, &bytes, &count, error);
  if (code != DITHER_OK) return code;
  held_answer *held = calloc(1, sizeof *held);
  code = held ? read_answer(request, bytes, count, held, error)
              : dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  free(bytes);
  if (code == DITHER_OK) {
    *answer = &held->answer;
  } else if (held) {
    dither_answer_free(&held->answer);
  }
  return code;
}

const dither_measure *dither_find_measure(const dither_prediction *prediction, const char *name) {
  if (!prediction || !name) return NULL;
  for (size_t i = 0; i < prediction->measure_count; i++) {
    if (strcmp(prediction->measures[i].name, name) == 0) return &prediction->measures[i];
  }
  return NULL;
}

void dither_answer_free(dither_answer *answer) {
  if (!answer) return;
  held_answer *held = (held_answer *)answer;
  if (held->message) dither__v1__predict_response__free_unpacked(held->message, dither_plain_allocator);
  free(held->predictions);
  free(held->quantiles);
  free(held->measures);
  free(held);
}
