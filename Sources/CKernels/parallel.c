// Element-wise kernels over the threads that oneDNN's kernels use too, and over bf16 numbers.
#include "bf16.h"
#include "clones.h"

// libgomp's own entry points: the pool of threads is then the one that oneDNN runs on.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);

enum { LEAST = 1 << 15, LINE = 64 };  // elements worth sharing; parts of plain arrays end on cache lines

typedef struct {
  size_t n, unit;
  void (*body)(void *, size_t, size_t);
  void *context;
} Share;

static void run_share(void *data) {
  Share *share = data;
  size_t threads = (size_t)omp_get_num_threads(), me = (size_t)omp_get_thread_num();
  size_t unit = share->unit, units = (share->n + unit - 1) / unit;
  size_t first = units * me / threads * unit, last = units * (me + 1) / threads * unit;
  if (last > share->n) last = share->n;
  if (first < last) share->body(share->context, first, last - first);
}

void dk_parallel(size_t n, size_t unit, void (*body)(void *context, size_t start, size_t count), void *context) {
  int threads = omp_get_max_threads();
  if (n < LEAST || threads < 2) {
    body(context, 0, n);
    return;
  }
  Share share = {n, unit, body, context};
  GOMP_parallel(run_share, &share, (unsigned)threads, 0);
}

// ---- bf16 ----

DK_INLINE void dk_unary_bf16_body(enum dk_unary op, uint16_t *out, const uint16_t *in, size_t n) {
  (void)op;  // DK_RELU
  // Negative numbers, but not NaN of either sign.
  for (size_t i = 0; i < n; i++) out[i] = in[i] & 0x8000u && (in[i] & 0x7FFFu) <= 0x7F80u ? 0 : in[i];
}
DK_CLONES(dk_unary_bf16, (enum dk_unary op, uint16_t *out, const uint16_t *in, size_t n), (op, out, in, n))

DK_INLINE void dk_binary_bf16_body(
    enum dk_binary op, uint16_t *out, const uint16_t *a, const uint16_t *b, size_t n) {
  if (op == DK_ADD)
    for (size_t i = 0; i < n; i++) out[i] = narrowed(widened(a[i]) + widened(b[i]));
  else
    for (size_t i = 0; i < n; i++) out[i] = (int16_t)b[i] > 0 ? a[i] : 0;
}
DK_CLONES(
    dk_binary_bf16, (enum dk_binary op, uint16_t *out, const uint16_t *a, const uint16_t *b, size_t n),
    (op, out, a, b, n))

// ---- shared ----

typedef struct {
  int op;
  void *out;
  const void *a, *b;
} Work;

#define PART(T, pointer) ((T *)(pointer) + start)

static void unary_part(void *context, size_t start, size_t count) {
  Work *w = context;
  dk_unary((enum dk_unary)w->op, PART(float, w->out), PART(const float, w->a), count);
}
static void binary_part(void *context, size_t start, size_t count) {
  Work *w = context;
  dk_binary((enum dk_binary)w->op, PART(float, w->out), PART(const float, w->a), PART(const float, w->b), count);
}
static void unary_bf16_part(void *context, size_t start, size_t count) {
  Work *w = context;
  dk_unary_bf16((enum dk_unary)w->op, PART(uint16_t, w->out), PART(const uint16_t, w->a), count);
}
static void binary_bf16_part(void *context, size_t start, size_t count) {
  Work *w = context;
  dk_binary_bf16(
      (enum dk_binary)w->op, PART(uint16_t, w->out), PART(const uint16_t, w->a), PART(const uint16_t, w->b), count);
}

void dk_unary_parallel(enum dk_unary op, float *out, const float *in, size_t n) {
  Work w = {(int)op, out, in, NULL};
  dk_parallel(n, LINE, unary_part, &w);
}
void dk_binary_parallel(enum dk_binary op, float *out, const float *a, const float *b, size_t n) {
  Work w = {(int)op, out, a, b};
  dk_parallel(n, LINE, binary_part, &w);
}
void dk_unary_bf16_parallel(enum dk_unary op, uint16_t *out, const uint16_t *in, size_t n) {
  Work w = {(int)op, out, in, NULL};
  dk_parallel(n, LINE, unary_bf16_part, &w);
}
void dk_binary_bf16_parallel(enum dk_binary op, uint16_t *out, const uint16_t *a, const uint16_t *b, size_t n) {
  Work w = {(int)op, out, a, b};
  dk_parallel(n, LINE, binary_bf16_part, &w);
}
