// Normalization by a batch's own statistics. Sums are of fixed parts of the batch: no bit depends on the number of threads.
#include <math.h>

#include "bf16.h"
#include "clones.h"

enum {
  PARTS = 4,    // of the images, each of which is summed by itself
  WIDTH = 16,   // channels that one sum runs over at a time
  FLOATS = 512  // terms that are added in fp32 before fp64 takes them
};

static size_t channels_of(const dk_channels *s) { return s->planes * s->lanes; }
static size_t groups_of(const dk_channels *s) { return (s->lanes + WIDTH - 1) / WIDTH; }

size_t dk_batch_norm_scratch(const dk_channels *s) {
  return channels_of(s) * (2 * PARTS * sizeof(double) + 3 * sizeof(float));
}

// ---- sums over images first..<last of one group of channels: two for each channel ----

typedef struct {
  const void *g, *x;  // g: of gradients only
  // By channel. near: an x of it, or its mean; a (x - near) + b: the result, whose sign is the ReLU's mask.
  const float *near, *a, *b;
  int relu;
  double *sums;  // [part][2][channels]
  const dk_channels *shape;
} Sums;

#define MOMENTS(T, LOAD, COUNT)                                                            \
  for (size_t image = first; image < last; image++) {                                      \
    const T *row = (const T *)s->x + (image * d->planes + plane) * d->points * d->lanes + lane; \
    for (size_t from = 0; from < d->points; from += FLOATS) {                              \
      size_t to = from + FLOATS < d->points ? from + FLOATS : d->points;                   \
      float one[WIDTH] = {0}, two[WIDTH] = {0};                                            \
      for (size_t p = from; p < to; p++)                                                   \
        for (size_t c = 0; c < (COUNT); c++) {                                             \
          float away = LOAD(row[p * d->lanes + c]) - near[c];                              \
          one[c] += away;                                                                  \
          two[c] += away * away;                                                           \
        }                                                                                  \
      for (size_t c = 0; c < (COUNT); c++) {                                               \
        first_sum[c] += one[c];                                                            \
        second_sum[c] += two[c];                                                           \
      }                                                                                    \
    }                                                                                      \
  }

#define GRADIENT_SUMS(T, LOAD, COUNT)                                                      \
  for (size_t image = first; image < last; image++) {                                      \
    size_t start = (image * d->planes + plane) * d->points * d->lanes + lane;              \
    const T *row = (const T *)s->x + start, *up = (const T *)s->g + start;                 \
    for (size_t from = 0; from < d->points; from += FLOATS) {                              \
      size_t to = from + FLOATS < d->points ? from + FLOATS : d->points;                   \
      float one[WIDTH] = {0}, two[WIDTH] = {0};                                            \
      for (size_t p = from; p < to; p++)                                                   \
        for (size_t c = 0; c < (COUNT); c++) {                                             \
          float away = LOAD(row[p * d->lanes + c]) - near[c], g = LOAD(up[p * d->lanes + c]); \
          g = relu && !(a[c] * away + b[c] > 0) ? 0 : g;                                   \
          one[c] += g;                                                                     \
          two[c] += g * away;                                                              \
        }                                                                                  \
      for (size_t c = 0; c < (COUNT); c++) {                                               \
        first_sum[c] += one[c];                                                            \
        second_sum[c] += two[c];                                                           \
      }                                                                                    \
    }                                                                                      \
  }

#define PLAIN(x) (x)
// Whole groups with their width as a constant.
#define OF_TYPE(LOOP)                                        \
  do {                                                       \
    if (d->bf16) {                                           \
      if (count == WIDTH) LOOP(uint16_t, widened, WIDTH)     \
      else LOOP(uint16_t, widened, count)                    \
    } else {                                                 \
      if (count == WIDTH) LOOP(float, PLAIN, WIDTH)          \
      else LOOP(float, PLAIN, count)                         \
    }                                                        \
  } while (0)

DK_INLINE void dk_channel_sums_body(const Sums *s, size_t part, size_t plane, size_t group) {
  const dk_channels own = *s->shape, *d = &own;
  size_t first = d->images * part / PARTS, last = d->images * (part + 1) / PARTS;
  size_t lane = group * WIDTH, count = d->lanes - lane < WIDTH ? d->lanes - lane : WIDTH;
  size_t channel = plane * d->lanes + lane, channels = d->planes * d->lanes;
  double first_sum[WIDTH] = {0}, second_sum[WIDTH] = {0};
  int relu = s->relu;
  float near[WIDTH] = {0}, a[WIDTH] = {0}, b[WIDTH] = {0};
  for (size_t c = 0; c < count; c++) near[c] = s->near[channel + c];
  if (s->g) {
    for (size_t c = 0; c < count; c++) {
      a[c] = s->a[channel + c];
      b[c] = s->b[channel + c];
    }
    OF_TYPE(GRADIENT_SUMS);
  } else {
    OF_TYPE(MOMENTS);
  }
  double *sums = s->sums + part * 2 * channels + channel;
  for (size_t c = 0; c < count; c++) {
    sums[c] = first_sum[c];
    sums[channels + c] = second_sum[c];
  }
}
DK_CLONES(dk_channel_sums, (const Sums *s, size_t part, size_t plane, size_t group), (s, part, plane, group))

static size_t unit_of(const dk_channels *s) {
  size_t unit = s->images * s->points * s->lanes / (PARTS * groups_of(s));
  return unit ? unit : 1;
}

static void sums_part(void *context, size_t start, size_t count) {
  const Sums *s = context;
  size_t unit = unit_of(s->shape), groups = groups_of(s->shape), planes = s->shape->planes;
  for (size_t i = start / unit; i < (start + count) / unit; i++)
    dk_channel_sums(s, i / groups / planes, i / groups % planes, i % groups);
}

// The parts' sums, added in their order into the first.
static void take_sums(Sums *s) {
  size_t unit = unit_of(s->shape), channels = channels_of(s->shape);
  dk_parallel(PARTS * s->shape->planes * groups_of(s->shape) * unit, unit, sums_part, s);
  for (size_t part = 1; part < PARTS; part++)
    for (size_t i = 0; i < 2 * channels; i++) s->sums[i] += s->sums[part * 2 * channels + i];
}

// ---- element by element: y = a (x - near) + b, then ReLU; or dx = a g + k (x - near) + m, g behind the ReLU's mask ----

typedef struct {
  void *out;
  const void *g, *x;
  const float *near, *a, *b, *k, *m;
  int relu;
  const dk_channels *shape;
} Mapping;

// One plane of one image, with near, a, b, k and m of its channels.
#define MAP(T, LOAD, STORE, LANES)                                                   \
  if (!s->g) {                                                                       \
    for (size_t p = 0; p < d->points; p++)                                           \
      for (size_t c = 0; c < (LANES); c++) {                                         \
        float y = a[c] * (LOAD(x[p * (LANES) + c]) - near[c]) + b[c];                \
        out[p * (LANES) + c] = STORE(relu && y < 0 ? 0 : y);                         \
      }                                                                              \
  } else {                                                                           \
    const T *g = (const T *)s->g + start;                                            \
    for (size_t p = 0; p < d->points; p++)                                           \
      for (size_t c = 0; c < (LANES); c++) {                                         \
        float away = LOAD(x[p * (LANES) + c]) - near[c], up = LOAD(g[p * (LANES) + c]); \
        up = relu && !(a[c] * away + b[c] > 0) ? 0 : up;                             \
        out[p * (LANES) + c] = STORE(a[c] * up + (k[c] * away + m[c]));              \
      }                                                                              \
  }

// Sixteen channels side by side, as vectors: compilers that unroll the loop over them go along the points instead, and gather.
typedef float Lanes __attribute__((ext_vector_type(WIDTH), aligned(4)));
typedef int32_t Bits __attribute__((ext_vector_type(WIDTH), aligned(4)));

DK_INLINE void map_lanes(const Mapping *s, size_t start, size_t channel) {
  const Lanes *x = (const Lanes *)((const float *)s->x + start), *g = (const Lanes *)((const float *)s->g + (s->g ? start : 0));
  Lanes *out = (Lanes *)((float *)s->out + start);
  const Lanes near = *(const Lanes *)(s->near + channel), a = *(const Lanes *)(s->a + channel);
  const Lanes b = *(const Lanes *)(s->b + channel);
  const size_t points = s->shape->points;
  if (!s->g) {
    for (size_t p = 0; p < points; p++) {
      Lanes y = a * (x[p] - near) + b;
      if (s->relu) y = (Lanes)((Bits)y & ~(Bits)(y < 0));
      out[p] = y;
    }
    return;
  }
  const Lanes k = *(const Lanes *)(s->k + channel), m = *(const Lanes *)(s->m + channel);
  for (size_t p = 0; p < points; p++) {
    Lanes away = x[p] - near, up = g[p];
    if (s->relu) up = (Lanes)((Bits)up & (Bits)(a * away + b > 0));
    out[p] = a * up + (k * away + m);
  }
}

#define MAP_PLANES(T, LOAD, STORE)                                              \
  for (size_t i = first; i < last; i++) {                                       \
    size_t channel = i % d->planes * d->lanes, start = i * d->points * d->lanes; \
    if (d->lanes == WIDTH && sizeof(T) == sizeof(float)) {                      \
      map_lanes(s, start, channel);                                             \
      continue;                                                                 \
    }                                                                           \
    const T *x = (const T *)s->x + start;                                       \
    T *out = (T *)s->out + start;                                               \
    if (d->lanes == WIDTH) {                                                    \
      float near[WIDTH], a[WIDTH], b[WIDTH], k[WIDTH] = {0}, m[WIDTH] = {0};    \
      for (size_t c = 0; c < WIDTH; c++) {                                      \
        near[c] = s->near[channel + c];                                         \
        a[c] = s->a[channel + c];                                               \
        b[c] = s->b[channel + c];                                               \
        if (s->g) {                                                             \
          k[c] = s->k[channel + c];                                             \
          m[c] = s->m[channel + c];                                             \
        }                                                                       \
      }                                                                         \
      MAP(T, LOAD, STORE, WIDTH)                                                \
    } else {                                                                    \
      const float *near = s->near + channel, *a = s->a + channel, *b = s->b + channel; \
      const float *k = s->g ? s->k + channel : a, *m = s->g ? s->m + channel : a; \
      MAP(T, LOAD, STORE, d->lanes)                                             \
    }                                                                           \
  }

DK_INLINE void dk_channel_map_body(const Mapping *s, size_t first, size_t last) {
  const dk_channels own = *s->shape, *d = &own;
  int relu = s->relu;
  if (d->bf16) MAP_PLANES(uint16_t, widened, narrowed)
  else MAP_PLANES(float, PLAIN, PLAIN)
}
DK_CLONES(dk_channel_map, (const Mapping *s, size_t first, size_t last), (s, first, last))

static void map_part(void *context, size_t start, size_t count) {
  const Mapping *s = context;
  size_t unit = s->shape->points * s->shape->lanes;
  dk_channel_map(s, start / unit, (start + count) / unit);
}

static void map(Mapping *s) {
  size_t unit = s->shape->points * s->shape->lanes;
  dk_parallel(s->shape->images * s->shape->planes * unit, unit, map_part, s);
}

// ---- the kernels ----

static void factors(float *a, const float *scale, const float *variance, float epsilon, size_t channels) {
  for (size_t c = 0; c < channels; c++) a[c] = scale[c] / sqrtf(variance[c] + epsilon);
}

void dk_batch_norm_parallel(
    void *y, const void *x, const float *scale, const float *shift, float *mean, float *variance, float epsilon,
    int relu, void *scratch, const dk_channels *shape) {
  size_t channels = channels_of(shape);
  double *sums = scratch, n = (double)(shape->images * shape->points);
  float *near = (float *)(sums + 2 * PARTS * channels), *a = near + channels;
  for (size_t c = 0; c < channels; c++) {
    size_t at = c / shape->lanes * shape->points * shape->lanes + c % shape->lanes;
    near[c] = shape->bf16 ? widened(((const uint16_t *)x)[at]) : ((const float *)x)[at];
  }
  Sums s = {NULL, x, near, NULL, NULL, 0, sums, shape};
  take_sums(&s);
  for (size_t c = 0; c < channels; c++) {
    double away = sums[c] / n, found = sums[channels + c] / n - away * away;
    mean[c] = (float)(near[c] + away);
    variance[c] = (float)(found < 0 ? 0 : found);  // NaN stays
  }
  factors(a, scale, variance, epsilon, channels);
  Mapping m = {y, NULL, x, mean, a, shift, NULL, NULL, relu, shape};
  map(&m);
}

void dk_batch_norm_gradient_parallel(
    void *dx, float *dscale, float *dshift, const void *g, const void *x, const float *scale, const float *shift,
    const float *mean, const float *variance, float epsilon, int relu, void *scratch, const dk_channels *shape) {
  size_t channels = channels_of(shape);
  double *sums = scratch, n = (double)(shape->images * shape->points);
  float *a = (float *)(sums + 2 * PARTS * channels), *k = a + channels, *m = k + channels;
  factors(a, scale, variance, epsilon, channels);
  Sums s = {g, x, mean, a, shift, relu, sums, shape};
  take_sums(&s);
  for (size_t c = 0; c < channels; c++) {
    double inverse = 1 / sqrt((double)variance[c] + epsilon);
    dshift[c] = (float)sums[c];
    dscale[c] = (float)(sums[channels + c] * inverse);
    // dx = a (g - dshift / n - (x - mean) inverse dscale / n)
    k[c] = (float)(-a[c] * inverse * inverse * sums[channels + c] / n);
    m[c] = (float)(-a[c] * sums[c] / n);
  }
  Mapping o = {dx, g, x, mean, a, shift, k, m, relu, shape};
  map(&o);
}
