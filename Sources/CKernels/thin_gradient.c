// The gradient of a convolution for an input of few channels, from a blocked one of its output.
#include <string.h>

#include "blocks.h"
#include "clones.h"

// One lane for each of a window's weights of an output channel.
typedef float Lanes __attribute__((vector_size(64)));
enum { LANES = 16, MOST_VECTORS = DK_MOST_TAPS / LANES };

// What the upstream gradient gives to a window's taps: into an image that is as large as the windows reach, so that none is cut.
typedef struct {
  int64_t height, width;
} Reach;

static Reach reach_of(const dk_window *w) {
  return (Reach){
      (w->out_height - 1) * w->stride_height + (w->kernel_height - 1) * w->dilation_height + 1,
      (w->out_width - 1) * w->stride_width + (w->kernel_width - 1) * w->dilation_width + 1};
}

// Each place's sums over the output channels are kept in registers, for POINTS places of a row at a time.
#define THIN_ROWS(POINTS, VECTORS)                                                                       \
  for (int64_t oy = 0; oy < w->out_height; oy++)                                                         \
    for (int64_t first = 0; first < w->out_width; first += POINTS) {                                     \
      int64_t points = w->out_width - first < POINTS ? w->out_width - first : POINTS;                    \
      Lanes sums[POINTS][VECTORS];                                                                       \
      memset(sums, 0, sizeof sums);                                                                      \
      for (int64_t part = 0; part < channels / B; part++) {                                              \
        const float *row = g + ((part * w->out_height + oy) * w->out_width + first) * B;                 \
        const Lanes *weights = packed + part * B * VECTORS;                                              \
        if (points == POINTS)                                                                            \
          for (int c = 0; c < B; c++)                                                                    \
            for (int p = 0; p < POINTS; p++)                                                             \
              for (int v = 0; v < VECTORS; v++) sums[p][v] += row[p * B + c] * weights[c * VECTORS + v]; \
        else                                                                                             \
          for (int64_t p = 0; p < points; p++)                                                           \
            for (int c = 0; c < B; c++)                                                                  \
              for (int v = 0; v < VECTORS; v++) sums[p][v] += row[p * B + c] * weights[c * VECTORS + v]; \
      }                                                                                                  \
      float *corner = reached + oy * w->stride_height * reach.width + first * w->stride_width;           \
      for (int64_t p = 0; p < points; p++, corner += w->stride_width)                                    \
        for (int64_t t = 0; t < taps; t++) corner[offsets[t]] += ((const float *)sums[p])[t];            \
    }

DK_INLINE void dk_thin_gradient_body(
    float *restrict dx, const float *restrict g, const Lanes *restrict packed, float *restrict reached, int vectors,
    int64_t inputs, int64_t channels, int block, const dk_window *window) {
#pragma clang fp contract(fast)
  dk_window own = *window, *w = &own;
  Reach reach = reach_of(w);
  int64_t offsets[DK_MOST_TAPS], taps = 0;
  for (int64_t i = 0; i < inputs; i++)
    for (int64_t ky = 0; ky < w->kernel_height; ky++)
      for (int64_t kx = 0; kx < w->kernel_width; kx++)
        offsets[taps++] = (i * reach.height + ky * w->dilation_height) * reach.width + kx * w->dilation_width;
  memset(reached, 0, (size_t)(inputs * reach.height * reach.width) * sizeof(float));
  if (vectors == 1) FOR_BLOCK(block, THIN_ROWS(8, 1));
  else if (vectors == 2) FOR_BLOCK(block, THIN_ROWS(4, 2));
  else FOR_BLOCK(block, THIN_ROWS(4, MOST_VECTORS));
  for (int64_t i = 0; i < inputs; i++)
    for (int64_t y = 0; y < w->in_height; y++)
      for (int64_t x = 0; x < w->in_width; x++) {
        int64_t ry = y + w->pad_top, rx = x + w->pad_left;
        *dx++ = ry < reach.height && rx < reach.width ? reached[(i * reach.height + ry) * reach.width + rx] : 0;
      }
}
DK_CLONES(
    dk_thin_gradient,
    (float *dx, const float *g, const Lanes *packed, float *reached, int vectors, int64_t inputs, int64_t channels,
     int block, const dk_window *w),
    (dx, g, packed, reached, vectors, inputs, channels, block, w))

typedef struct {
  float *dx;
  const float *g;
  const Lanes *packed;
  float *reached;
  int vectors, block;
  int64_t inputs, channels;
  const dk_window *window;
} Thin;

static int64_t size_of(Reach reach) { return reach.height * reach.width; }

// Parts begin and end with images of the upstream gradient.
static void thin_part(void *context, size_t start, size_t count) {
  Thin *t = context;
  const dk_window *w = t->window;
  int64_t outputs = t->channels * w->out_height * w->out_width, inputs = t->inputs * w->in_height * w->in_width;
  int64_t reached = t->inputs * size_of(reach_of(w));
  for (int64_t i = (int64_t)start / outputs; i < (int64_t)(start + count) / outputs; i++)
    dk_thin_gradient(
        t->dx + i * inputs, t->g + i * outputs, t->packed, t->reached + i * reached, t->vectors, t->inputs,
        t->channels, t->block, w);
}

static int vectors_of(int64_t taps) { return taps <= LANES ? 1 : taps <= 2 * LANES ? 2 : MOST_VECTORS; }

static size_t packed_count(int64_t inputs, int64_t channels, const dk_window *w) {
  return (size_t)(channels * vectors_of(inputs * w->kernel_height * w->kernel_width) * LANES);
}

size_t dk_thin_gradient_scratch(size_t images, int64_t inputs, int64_t channels, const dk_window *w) {
  return (packed_count(inputs, channels, w) + images * (size_t)(inputs * size_of(reach_of(w)))) * sizeof(float);
}

void dk_thin_gradient_parallel(
    float *dx, const float *g, const float *weights, void *scratch, size_t images, int64_t inputs, int64_t channels,
    int block, const dk_window *w) {
  int64_t taps = inputs * w->kernel_height * w->kernel_width;
  int vectors = vectors_of(taps);
  float *packed = scratch;
  size_t count = packed_count(inputs, channels, w);
  memset(packed, 0, count * sizeof(float));
  for (int64_t c = 0; c < channels; c++)
    memcpy(packed + c * vectors * LANES, weights + c * taps, (size_t)taps * sizeof(float));
  Thin t = {dx, g, scratch, packed + count, vectors, block, inputs, channels, w};
  size_t outputs = (size_t)(channels * w->out_height * w->out_width);
  dk_parallel(images * outputs, outputs, thin_part, &t);
}
