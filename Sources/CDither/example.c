/* Asks a server for predictions with their uncertainty.
 *
 *   export DITHER_ADDRESS=dither://127.0.0.1:7447 DITHER_TOKEN=… DITHER_CA=ca.pem
 *   ./example                            lists the models
 *   ./example MODEL                      predicts an all-zero input
 *   ./example MODEL images.f32 [SAMPLES] predicts raw little-endian floats, as many inputs as the file holds
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dither.h"

static int report(const dither_error *error) {
  fprintf(stderr, "%s: %s\n", dither_code_name(error->code), error->message);
  return 1;
}

static int list(dither_client *client) {
  dither_error error;
  dither_models *models;
  if (dither_list_models(client, NULL, 0, &models, &error) != DITHER_OK) return report(&error);
  for (size_t i = 0; i < models->count; i++) {
    const dither_model *model = &models->models[i];
    printf("%s@%" PRIu64 "  %" PRIu64 " bytes, %u classes\n", model->name, model->version, model->bytes, model->classes);
  }
  dither_models_free(models);
  return 0;
}

/* Floats in one input of the newest version of `name`, its shape in `shape`. 0: no such model. */
static size_t input_size(dither_client *client, const char *name, int64_t shape[8], size_t *rank) {
  dither_error error;
  dither_models *models;
  size_t size = 0, name_count = strcspn(name, "@:");
  if (dither_list_models(client, NULL, 0, &models, &error) != DITHER_OK) return report(&error), 0;
  for (size_t i = 0; i < models->count && size == 0; i++) {
    const dither_model *model = &models->models[i];
    if (strlen(model->name) != name_count || strncmp(model->name, name, name_count) != 0) continue;
    if (model->input_rank == 0 || model->input_rank > 8) continue;
    size = 1;
    *rank = model->input_rank;
    for (size_t j = 1; j < *rank; j++) {
      /* -1 behind the batch: of any extent. The smallest will do here. */
      shape[j] = model->input_shape[j] < 0 ? 1 : model->input_shape[j];
      size *= (size_t)shape[j];
    }
  }
  dither_models_free(models);
  if (size == 0) fprintf(stderr, "the server has no model '%s'; run without arguments for a list\n", name);
  return size;
}

/* The file's floats, or one input of zeros. */
static float *read_inputs(const char *path, size_t size, size_t *count) {
  if (!path) {
    *count = 1;
    return calloc(size, sizeof(float));
  }
  FILE *file = fopen(path, "rb");
  if (!file) return perror(path), NULL;
  float *inputs = NULL;
  *count = 0;
  for (;;) {
    float *more = realloc(inputs, (*count + 1) * size * sizeof(float));
    if (!more) break;
    inputs = more;
    if (fread(inputs + *count * size, sizeof(float), size, file) != size) break;
    ++*count;
  }
  fclose(file);
  if (*count == 0) fprintf(stderr, "%s: expected at least %zu floats\n", path, size);
  return inputs;
}

static void show_numbers(const double *numbers, size_t count) {
  for (size_t i = 0; i < count; i++) printf(" %.4f", numbers[i]);
}

static void show(const dither_answer *answer) {
  printf(
      "%s@%" PRIu64 ", %u samples, seed %" PRIu64 "\n", answer->model, answer->version, answer->samples, answer->seed);
  for (size_t i = 0; i < answer->count; i++) {
    const dither_prediction *it = &answer->predictions[i];
    if (it->classes > 0) {
      printf("%zu: %s (%u)  p = %.4f", i, it->label_name, it->label, it->probabilities[it->label]);
    } else {
      printf("%zu:", i);
      show_numbers(it->values, it->value_count);
    }
    /* What was not measured is not here. A measure of each class is told by that of the label. */
    for (size_t m = 0; m < it->measure_count; m++) {
      const dither_measure *measure = &it->measures[m];
      int is_by_class = it->classes > 1 && measure->count == it->classes;
      printf("  %s", measure->name);
      show_numbers(is_by_class ? measure->values + it->label : measure->values, is_by_class ? 1 : measure->count);
    }
    printf("\n");
  }
}

static int predict(dither_client *client, const char *model, const char *path, const char *samples) {
  int64_t shape[8];
  size_t rank = 0, count = 0;
  size_t size = input_size(client, model, shape, &rank);
  if (size == 0) return 1;
  float *inputs = read_inputs(path, size, &count);
  if (!inputs || count == 0) return free(inputs), 1;
  shape[0] = (int64_t)count;
  dither_predict_request request = {
      .model = model, .type = DITHER_FLOAT32, .shape = shape, .rank = rank, .data = inputs,
      .bytes = count * size * sizeof(float), .has_samples = samples != NULL,
      .samples = samples ? (uint32_t)strtoul(samples, NULL, 10) : 0};
  dither_error error;
  dither_answer *answer = NULL;
  int failed = dither_predict(client, &request, &answer, &error) != DITHER_OK ? report(&error) : 0;
  if (!failed) show(answer);
  dither_answer_free(answer);
  free(inputs);
  return failed;
}

int main(int count, char **arguments) {
  dither_options options = {
      .address = getenv("DITHER_ADDRESS"), .token = getenv("DITHER_TOKEN"), .ca_file = getenv("DITHER_CA"),
      .cert_file = getenv("DITHER_CERTIFICATE"), .key_file = getenv("DITHER_KEY")};
  dither_error error;
  dither_client *client;
  if (!options.address) return fprintf(stderr, "set DITHER_ADDRESS, DITHER_TOKEN and DITHER_CA\n"), 2;
  if (dither_connect(&options, &client, &error) != DITHER_OK) return report(&error);
  int failed = count < 2 ? list(client)
                         : predict(client, arguments[1], count > 2 ? arguments[2] : NULL, count > 3 ? arguments[3] : NULL);
  dither_close(client);
  return failed;
}
