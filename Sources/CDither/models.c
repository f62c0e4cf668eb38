#include <stdlib.h>
#include <string.h>

#include "dither/v1/registry.pb-c.h"
#include "internal.h"

/* The public list, and the messages that its pointers lead into. */
typedef struct held_models {
  dither_models models;  /* first: callers hold a pointer to it */
  Dither__V1__ListModelsResponse **pages;
  size_t page_count;
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

/* `*next`, which leads into what is held, asks for the page behind this one; NULL: there is none. */
static dither_code read_page(
    const unsigned char *bytes, size_t count, held_models *held, char **next, dither_error *error) {
  Dither__V1__ListModelsResponse **pages = realloc(held->pages, (held->page_count + 1) * sizeof *pages);
  if (!pages) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  held->pages = pages;
  dither_budget budget;
  dither_budget_for(&budget, count);
  Dither__V1__ListModelsResponse *page = dither__v1__list_models_response__unpack(&budget.allocator, count, bytes);
  if (!page) {
    return dither_fail(
        error, DITHER_INTERNAL, "the server broke the protocol: an answer that is not ListModelsResponse");
  }
  pages[held->page_count++] = page;
  size_t models = held->models.count + page->n_models;
  dither_model *array = realloc(held->array, (models ? models : 1) * sizeof *array);
  if (!array) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  held->array = array;
  memset(array + held->models.count, 0, page->n_models * sizeof *array);
  for (size_t i = 0; i < page->n_models; i++) show_model(page->models[i], &array[held->models.count + i]);
  held->models.count = models;
  held->models.models = array;
  /* A page of none gets nobody further. */
  *next = page->n_models && page->next_page_token[0] ? page->next_page_token : NULL;
  return DITHER_OK;
}

static dither_code read_models(
    dither_client *client, const char *prefix, uint32_t timeout_ms, held_models *held, dither_error *error) {
  char *token = NULL;
  do {
    Dither__V1__ListModelsRequest request = DITHER__V1__LIST_MODELS_REQUEST__INIT;
    if (prefix) request.prefix = (char *)prefix;
    if (token) request.page_token = token;
    unsigned char *bytes = NULL;
    size_t count = 0;
    dither_code code =
        dither_unary(client, "dither.v1.Registry/ListModels", &request.base, timeout_ms, &bytes, &count, error);
    if (code == DITHER_OK) code = read_page(bytes, count, held, &token, error);
    free(bytes);
    if (code != DITHER_OK) return code;
  } while (token);
  return DITHER_OK;
}

dither_code dither_list_models(
    dither_client *client, const char *prefix, uint32_t timeout_ms, dither_models **models, dither_error *error) {
  dither_error local;
  if (!error) error = &local;
  dither_clear(error);
  if (!models) return dither_fail(error, DITHER_INVALID_ARGUMENT, "dither_list_models: expected a place for the list");
  held_models *held = calloc(1, sizeof *held);
  if (!held) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  dither_code code = read_models(client, prefix, timeout_ms, held, error);
  if (code == DITHER_OK) {
    *models = &held->models;
  } else {
    dither_models_free(&held->models);
  }
  return code;
}

void dither_models_free(dither_models *models) {
  if (!models) return;
  held_models *held = (held_models *)models;
  for (size_t i = 0; i < held->page_count; i++) {
    dither__v1__list_models_response__free_unpacked(held->pages[i], dither_plain_allocator);
  }
  free(held->pages);
  free(held->array);
  free(held);
}
