/* The C client against `hostile_server.py`: every misdeed ends in a code and a message, in time, with nothing leaked. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "dither.h"

typedef struct scenario {
  const char *name;
  dither_code expected;
  const char *message; /* a part of it */
} scenario;

/* In the server's order. */
static const scenario scenarios[] = {
    {"good", DITHER_OK, ""},
    {"good_in_drips", DITHER_OK, ""},
    {"good_with_message_then_end", DITHER_OK, ""},
    {"good_without_credit", DITHER_OK, ""},
    {"refused_with_retry", DITHER_RESOURCE_EXHAUSTED, "busy [2J now"},
    {"status_out_of_range", DITHER_UNKNOWN, "unknown status 4000000"},
    {"closes_at_once", DITHER_UNAVAILABLE, "connection ended"},
    {"closes_in_hello", DITHER_UNAVAILABLE, "connection ended"},
    {"garbage", DITHER_INTERNAL, "broke the protocol"},
    {"length_without_end", DITHER_INTERNAL, "more than five bytes"},
    {"four_gigabytes", DITHER_RESOURCE_EXHAUSTED, "4294967295 bytes"},
    {"wrong_version", DITHER_FAILED_PRECONDITION, "version 2"},
    {"takes_next_to_nothing", DITHER_INTERNAL, "next to no frame"},
    {"takes_small_frames", DITHER_RESOURCE_EXHAUSTED, "the server takes 4096"},
    {"hello_twice", DITHER_INTERNAL, "second Hello"},
    {"answers_before_hello", DITHER_INTERNAL, "first frame is not Hello"},
    {"closes_after_open", DITHER_UNAVAILABLE, "connection ended"},
    {"half_an_answer", DITHER_UNAVAILABLE, "connection ended"},
    {"unknown_call", DITHER_INTERNAL, "never opened"},
    {"ends_without_answer", DITHER_INTERNAL, "without an answer"},
    {"answers_twice", DITHER_INTERNAL, "two answers"},
    {"answer_is_garbage", DITHER_INTERNAL, "not PredictResponse"},
    {"frame_is_garbage", DITHER_INTERNAL, "not a Frame"},
    {"too_many_predictions", DITHER_INTERNAL, "2 predictions for 1 inputs"},
    {"no_predictions", DITHER_INTERNAL, "0 predictions for 1 inputs"},
    {"measure_is_empty", DITHER_INTERNAL, "incomplete"},
    {"measure_has_no_name", DITHER_INTERNAL, "incomplete"},
    {"probabilities_and_values", DITHER_INTERNAL, "incomplete"},
    {"label_is_missing", DITHER_INTERNAL, "incomplete"},
    {"label_out_of_range", DITHER_INTERNAL, "incomplete"},
    {"many_empty_predictions", DITHER_INTERNAL, "not PredictResponse"},
    {"many_empty_details", DITHER_INTERNAL, "not a Frame"},
    {"opens_a_call", DITHER_INTERNAL, "opens a call"},
    {"unknown_frame", DITHER_INTERNAL, "unknown kind"},
    {"goes_away", DITHER_UNAVAILABLE, "closing down"},
    {"drains", DITHER_UNAVAILABLE, "draining"},
    {"endless_credit", DITHER_DEADLINE_EXCEEDED, "time was up"},
    {"silent", DITHER_DEADLINE_EXCEEDED, "time was up"},
    {"never_greets", DITHER_DEADLINE_EXCEEDED, "time was up"},
    {"endless_pings", DITHER_DEADLINE_EXCEEDED, "time was up"},
    {"endless_drip", DITHER_DEADLINE_EXCEEDED, "time was up"},
    {"lists_in_pages", DITHER_OK, ""},
    {"lists_a_page_of_none", DITHER_OK, ""},
    {"lists_garbage_in_the_end", DITHER_INTERNAL, "not ListModelsResponse"},
};

enum { scenario_count = sizeof scenarios / sizeof *scenarios };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void check_answer(const char *where, const dither_answer *answer) {
  CHECK(answer->count == 1 && answer->version == 3 && answer->samples == 8 && answer->seed == 7);
  CHECK(strcmp(answer->model, "toy") == 0 && strcmp(answer->digest, "sha256:00") == 0);
  CHECK(answer->queue_us == 5 && answer->compute_us == 9);
  const dither_prediction *first = &answer->predictions[0];
  CHECK(first->label == 1 && first->classes == 2 && strcmp(first->label_name, "boot") == 0);
  CHECK(first->probabilities[0] == 0.25 && first->probabilities[1] == 0.75 && first->value_count == 0);
  const dither_measure *std = dither_find_measure(first, "std"), *entropy = dither_find_measure(first, "predictive_entropy");
  CHECK(first->measure_count == 5 && std && std->count == 2 && std->values[1] == 0.1);
  CHECK(entropy && entropy->count == 1 && entropy->values[0] == 0.56);
  const dither_measure *later = dither_find_measure(first, "of_a_later_server");
  CHECK(later && later->count == 3 && later->values[2] == 3);
  CHECK(!dither_find_measure(first, "margin") && !dither_find_measure(first, "") && !dither_find_measure(NULL, "std"));
}

static void check_list(const char *where, const dither_models *models, size_t count) {
  CHECK(models->count == count);
  for (size_t i = 0; i < models->count; i++) {
    CHECK(models->models[i].version == 2 - i && strcmp(models->models[i].name, "toy") == 0);
    CHECK(strcmp(models->models[i].digest, "sha256:00") == 0);
  }
}

static void run(const scenario *it, const char *address) {
  const char *where = it->name;
  const float pixels[4] = {0, 0.25f, 0.5f, 1};
  const int64_t shape[2] = {1, 4};
  dither_options options = {.address = address, .token = "secret", .timeout_ms = 1500};
  dither_predict_request request = {
      .model = "toy", .type = DITHER_FLOAT32, .shape = shape, .rank = 2, .data = pixels, .bytes = sizeof pixels,
      .has_samples = 1, .samples = 8, .timeout_ms = 1500};
  dither_error error = {DITHER_OK, "", 0};
  dither_client *client = NULL;
  dither_answer *answer = NULL;
  char long_name[5000];
  memset(long_name, 'm', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = 0;
  if (strcmp(it->name, "takes_small_frames") == 0) request.model = long_name;
  /* Under valgrind, hostile megabytes take their time to be refused. */
  if (strncmp(it->name, "many", 4) == 0) options.timeout_ms = request.timeout_ms = 20000;
  double start = seconds();
  dither_code code = dither_connect(&options, &client, &error);
  int lists = strncmp(it->name, "lists", 5) == 0;
  dither_models *models = NULL;
  if (code == DITHER_OK) {
    code = lists ? dither_list_models(client, "t", 1500, &models, &error)
                 : dither_predict(client, &request, &answer, &error);
  }
  CHECK(seconds() - start < 25);
  /* A slow client has more answers to send than it keeps before its time is up. */
  if (strcmp(it->name, "endless_pings") == 0 && code == DITHER_INTERNAL) {
    CHECK(strstr(error.message, "more pings than it reads answers") != NULL);
    dither_close(client);
    return;
  }
  CHECK(code == it->expected);
  CHECK(error.code == code);
  CHECK(strstr(error.message, it->message) != NULL);
  if (code != it->expected || !strstr(error.message, it->message)) {
    printf("  %s: got %s: %s\n", it->name, dither_code_name(code), error.message);
  }
  CHECK((code == DITHER_OK) == (answer != NULL || models != NULL));
  if (models) check_list(where, models, strcmp(it->name, "lists_in_pages") == 0 ? 2 : 1);
  if (answer) check_answer(where, answer);
  if (strcmp(it->name, "refused_with_retry") == 0) CHECK(error.retry_after_ms == 250);
  /* A broken or draining connection says so at once, and again. */
  if (client && !dither_is_usable(client)) {
    CHECK(dither_predict(client, &request, &answer, &error) == DITHER_UNAVAILABLE);
  }
  dither_answer_free(answer);
  dither_models_free(models);
  dither_close(client);
}

static void check_arguments(void) {
  const char *where = "arguments";
  dither_client *client = NULL;
  dither_error error;
  const char *addresses[] = {"", "localhost", "dither://", "dither://:80", "a:0", "a:65536", "a:1x", "dither+plain://a", "[::1]", "[]:1", "a:-1"};
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    dither_options options = {.address = addresses[i], .plaintext = 1};
    CHECK(dither_connect(&options, &client, &error) == DITHER_INVALID_ARGUMENT && client == NULL);
  }
  dither_options no_ca = {.address = "127.0.0.1:1", .ca_file = "/nowhere/ca.pem", .timeout_ms = 500};
  CHECK(dither_connect(&no_ca, &client, NULL) != DITHER_OK);
  dither_options bad_token = {.address = "127.0.0.1:1", .token = "a\r\nb", .plaintext = 1};
  CHECK(dither_connect(&bad_token, &client, &error) == DITHER_INVALID_ARGUMENT);
  dither_options nobody = {.address = "127.0.0.1:1", .plaintext = 1, .timeout_ms = 500};
  CHECK(dither_connect(&nobody, &client, &error) == DITHER_UNAVAILABLE && strstr(error.message, "running?"));
  CHECK(dither_connect(NULL, &client, &error) == DITHER_INVALID_ARGUMENT);
  CHECK(dither_is_usable(NULL) == 0);
  dither_close(NULL);
  dither_answer_free(NULL);
  dither_models_free(NULL);
}

/* Refused before anything is asked of the connection. */
static void check_request(void) {
  const char *where = "requests";
  const float pixels[4] = {0};
  const int64_t shapes[][2] = {{1, 5}, {1, -4}, {0, 4}, {INT64_MAX, INT64_MAX}};
  dither_error error;
  dither_answer *answer = NULL;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    dither_predict_request request = {
        .model = "toy", .type = DITHER_FLOAT32, .shape = shapes[i], .rank = 2, .data = pixels, .bytes = sizeof pixels};
    CHECK(dither_predict(NULL, &request, &answer, &error) == DITHER_INVALID_ARGUMENT && answer == NULL);
  }
  dither_predict_request empty = {0};
  CHECK(dither_predict(NULL, &empty, &answer, &error) == DITHER_INVALID_ARGUMENT);
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "--list") == 0) {
    for (int i = 0; i < scenario_count; i++) puts(scenarios[i].name);
    return 0;
  }
  if (count != 2) return 2;
  for (int i = 0; i < scenario_count; i++) run(&scenarios[i], arguments[1]);
  check_arguments();
  check_request();
  printf("C client against a hostile server: %d scenarios, %d checks, %d failed\n", scenario_count, checks, failures);
  return failures != 0;
}
