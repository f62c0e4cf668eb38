// Maxima of windows of images, and their gradient; NaN is the maximum of a window that has it.
#include <math.h>
#include <string.h>

#include "blocks.h"
#include "clones.h"

// For each place of the window of (oy, ox) that lies in the image, in order: BODY with `at`, the place's first element. SIDE is the
// extent of a square window that lies inside everywhere, or 0.
#define FOR_PLACES(SIDE, w, oy, ox, BODY)                                                           \
  for (int64_t ky = 0; ky < (SIDE ? SIDE : (w)->kernel_height); ky++) {                             \
    int64_t iy = (oy) * (w)->stride_height + (SIDE ? ky : ky * (w)->dilation_height - (w)->pad_top); \
    if (!SIDE && (iy < 0 || iy >= (w)->in_height)) continue;                                        \
    for (int64_t kx = 0; kx < (SIDE ? SIDE : (w)->kernel_width); kx++) {                            \
      int64_t ix = (ox) * (w)->stride_width + (SIDE ? kx : kx * (w)->dilation_width - (w)->pad_left); \
      if (!SIDE && (ix < 0 || ix >= (w)->in_width)) continue;                                       \
      size_t at = (size_t)(iy * (w)->in_width + ix) * B;                                            \
      BODY;                                                                                         \
    }                                                                                               \
  }

static int are_inside(const dk_window *w, int64_t side) {
  return w->kernel_height == side && w->kernel_width == side && w->dilation_height == 1 && w->dilation_width == 1 &&
         w->pad_top == 0 && w->pad_left == 0 && (w->out_height - 1) * w->stride_height + side <= w->in_height &&
         (w->out_width - 1) * w->stride_width + side <= w->in_width;
}

// Every place is in one window, so that nothing has to be cleared and nothing adds up.
static int are_tiles(const dk_window *w) {
  return are_inside(w, w->stride_height) && w->stride_width == w->stride_height &&
         w->out_height * w->stride_height == w->in_height && w->out_width * w->stride_width == w->in_width;
}

// Blocks of 1 are plain images.
#define FOR_ANY_BLOCK(block, ...)             \
  do {                                        \
    if ((block) == 1) {                       \
      enum { B = 1 };                         \
      __VA_ARGS__;                            \
    } else {                                  \
      FOR_BLOCK(block, __VA_ARGS__);          \
    }                                         \
  } while (0)

#define MAX_POOL(SIDE)                                                      \
  for (size_t plane = 0; plane < planes; plane++, x += inputs * B)          \
    for (int64_t oy = 0; oy < w->out_height; oy++)                          \
      for (int64_t ox = 0; ox < w->out_width; ox++, y += B) {               \
        float most[B];                                                      \
        for (int c = 0; c < B; c++) most[c] = -INFINITY;                    \
        FOR_PLACES(SIDE, w, oy, ox, {                                       \
          for (int c = 0; c < B; c++) {                                     \
            float value = x[at + c];                                        \
            most[c] = value > most[c] || value != value ? value : most[c];  \
          }                                                                 \
        })                                                                  \
        memcpy(y, most, sizeof most);                                       \
      }

DK_INLINE void dk_max_pool_body(
    float *restrict y, const float *restrict x, size_t planes, int block, const dk_window *window) {
  dk_window own = *window, *w = &own;
  size_t inputs = (size_t)(w->in_height * w->in_width);
  if (are_inside(w, 2)) FOR_ANY_BLOCK(block, MAX_POOL(2));
  else FOR_ANY_BLOCK(block, MAX_POOL(0));
}
DK_CLONES(
    dk_max_pool, (float *y, const float *x, size_t planes, int block, const dk_window *w), (y, x, planes, block, w))

#define MAX_POOL_GRADIENT(SIDE, TILES)                                                 \
  for (size_t plane = 0; plane < planes; plane++, x += inputs * B, dx += inputs * B) { \
    if (!TILES) memset(dx, 0, inputs * B * sizeof(float));                             \
    for (int64_t oy = 0; oy < w->out_height; oy++)                                     \
      for (int64_t ox = 0; ox < w->out_width; ox++, y += B, g += B) {                  \
        float left[B], most[B];                                                        \
        memcpy(left, g, sizeof left);                                                  \
        memcpy(most, y, sizeof most);                                                  \
        FOR_PLACES(SIDE, w, oy, ox, {                                                  \
          for (int c = 0; c < B; c++) {                                                \
            int is_most = x[at + c] == most[c];                                        \
            float share = is_most ? left[c] : 0;                                       \
            left[c] = is_most ? 0 : left[c];                                           \
            dx[at + c] = TILES ? share : dx[at + c] + share;                           \
          }                                                                            \
        })                                                                             \
      }                                                                                \
  }

DK_INLINE void dk_max_pool_gradient_body(
    float *restrict dx, const float *restrict g, const float *restrict x, const float *restrict y, size_t planes,
    int block, const dk_window *window) {
  dk_window own = *window, *w = &own;
  size_t inputs = (size_t)(w->in_height * w->in_width);
  if (are_tiles(w) && w->stride_width == 2) FOR_ANY_BLOCK(block, MAX_POOL_GRADIENT(2, 1));
  else if (are_inside(w, 2)) FOR_ANY_BLOCK(block, MAX_POOL_GRADIENT(2, 0));
  else FOR_ANY_BLOCK(block, MAX_POOL_GRADIENT(0, 0));
}
DK_CLONES(
    dk_max_pool_gradient,
    (float *dx, const float *g, const float *x, const float *y, size_t planes, int block, const dk_window *w),
    (dx, g, x, y, planes, block, w))

typedef struct {
  float *out;
  const float *g, *x, *y;
  int block;
  const dk_window *window;
} Pooling;

// Parts begin and end with planes of the result of the forward pass.
static void max_pool_part(void *context, size_t start, size_t count) {
  Pooling *p = context;
  const dk_window *w = p->window;
  size_t outputs = (size_t)(w->out_height * w->out_width * p->block), inputs = (size_t)(w->in_height * w->in_width * p->block);
  size_t plane = start / outputs, planes = count / outputs;
  if (p->g)
    dk_max_pool_gradient(
        p->out + plane * inputs, p->g + start, p->x + plane * inputs, p->y + start, planes, p->block, w);
  else
    dk_max_pool(p->out + start, p->x + plane * inputs, planes, p->block, w);
}

void dk_max_pool_parallel(float *y, const float *x, size_t planes, int block, const dk_window *w) {
  Pooling p = {y, NULL, x, NULL, block, w};
  size_t outputs = (size_t)(w->out_height * w->out_width * block);
  dk_parallel(planes * outputs, outputs, max_pool_part, &p);
}

void dk_max_pool_gradient_parallel(
    float *dx, const float *g, const float *x, const float *y, size_t planes, int block, const dk_window *w) {
  Pooling p = {dx, g, x, y, block, w};
  size_t outputs = (size_t)(w->out_height * w->out_width * block);
  dk_parallel(planes * outputs, outputs, max_pool_part, &p);
}
