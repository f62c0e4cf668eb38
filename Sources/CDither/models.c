#include <stdlib.h>

#include "dither/v1/registry.pb-c.h"
#include "internal.h"

/* The public list, and the message that its pointers lead into. */
typedef struct held_models {
  dither_models models;  /* first: callers hold a pointer to it */
  Dither__V1__ListModelsResponse *message;
  dither_model *array;
} held_models;

static void show_model(const Dither__V1__Model *from, dither_model *to) {
  to->name = from->name;
  to->version = from->version;
  to->digest = from->digest;
  to->bytes = from->bytes;
  to->default_samples = from->default_samples;
  if (!from->signature) return;
  to->classes = from->signature->classes;
  to->input_shape = from->signature->input_shape;
  to->input_rank = from->signature->n_input_shape;
}

static dither_code read_models(
    const unsigned char *bytes, size_t count, held_models *held, dither_error *error) {
  dither_budget budget;
  dither_budget_for(&budget, count);
  held->message = dither__v1__list_models_response__unpack(&budget.allocator, count, bytes);
  if (!held->message) {
    return dither_fail(
        error, DITHER_INTERNAL, "the server broke the protocol: an answer that is not ListModelsResponse");
  }
  size_t models = held->message->n_models;
  held->array = calloc(models ? models : 1, sizeof *held->array);
  if (!held->array) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  for (size_t i = 0; i < models; i++) show_model(held->message->models[i], &held->array[i]);
  held->models.count = models;
  held->models.models = held->array;
  return DITHER_OK;
}

dither_code dither_list_models(
    dither_client *client, const char *prefix, uint32_t timeout_ms, dither_models **models, dither_error *error) {
  dither_error local;
  if (!error) error = &local;
  dither_clear(error);
  if (!models) return dither_fail(error, DITHER_INVALID_ARGUMENT, "dither_list_models: expected a place for the list");
  Dither__V1__ListModelsRequest request = DITHER__V1__LIST_MODELS_REQUEST__INIT;
  if (prefix) request.prefix = (char *)prefix;
  unsigned char *bytes = NULL;
  size_t count = 0;
  dither_code code =
      dither_unary(client, "dither.v1.Registry/ListModels", &request.base, timeout_ms, &bytes, &count, error);
  if (code != DITHER_OK) return code;
  held_models *held = calloc(1, sizeof *held);
  code = held ? read_models(bytes, count, held, error)
              : dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  free(bytes);
  if (code == DITHER_OK) {
    *models = &held->models;
  } else if (held) {
    dither_models_free(&held->models);
  }
  return code;
}

void dither_models_free(dither_models *models) {
  if (!models) return;
  held_models *held = (held_models *)models;
  if (held->message) dither__v1__list_models_response__free_unpacked(held->message, dither_plain_allocator);
  free(held->array);
  free(held);
}
