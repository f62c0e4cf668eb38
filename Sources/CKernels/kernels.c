// Element-wise kernels, movement, reductions, rows, small products, optimizers.
#include <math.h>
#include <string.h>

#include "clones.h"

// ---- element-wise ----

#define EACH(expression)                                         \
  do {                                                           \
    for (size_t i = 0; i < n; i++) {                             \
      float x = in[i];                                           \
      out[i] = (expression);                                     \
    }                                                            \
    return;                                                      \
  } while (0)

DK_INLINE float sign_of(float x) { return x > 0 ? 1.0f : x < 0 ? -1.0f : x != x ? x : 0.0f; }
// NaN where either is.
DK_INLINE float larger(float a, float b) { return a > b || a != a ? a : b; }

DK_INLINE void dk_unary_body(enum dk_unary op, float *out, const float *in, size_t n) {
  switch (op) {
    case DK_RELU: EACH(x < 0 ? 0 : x);  // NaN stays
    case DK_TANH: EACH(tanhf(x));
    case DK_SIGMOID: EACH(1.0f / (1.0f + expf(-x)));
    case DK_EXP: EACH(expf(x));
    case DK_LOG: EACH(logf(x));
    case DK_SQRT: EACH(sqrtf(x));
    case DK_ABS: EACH(fabsf(x));
    case DK_NEG: EACH(-x);
    case DK_ERF: EACH(erff(x));
    case DK_SIGN: EACH(sign_of(x));
    case DK_RECIPROCAL: EACH(1.0f / x);
    case DK_SQUARE: EACH(x * x);
    case DK_SOFTPLUS: EACH(x > 0 ? x + log1pf(expf(-x)) : log1pf(expf(x)));
    case DK_FLOOR: EACH(floorf(x));
    case DK_CEIL: EACH(ceilf(x));
    case DK_ROUND: EACH(rintf(x));
  }
}
DK_CLONES(dk_unary, (enum dk_unary op, float *out, const float *in, size_t n), (op, out, in, n))

DK_INLINE float apply(enum dk_binary op, float a, float b) {
  switch (op) {
    case DK_ADD: return a + b;
    case DK_SUB: return a - b;
    case DK_MUL: return a * b;
    case DK_DIV: return a / b;
    case DK_MAX: return larger(a, b);
    case DK_MIN: return a < b || a != a ? a : b;
    case DK_POW: return powf(a, b);
    case DK_LESS: return a < b ? 1.0f : 0.0f;
    case DK_RELU_GRAD: return b > 0 ? a : 0.0f;
    case DK_GREATER_EQUAL: return a >= b ? 1.0f : 0.0f;
  }
  return 0;
}

#define FOR_OP(LOOP)                                                 \
  switch (op) {                                                      \
    case DK_ADD: LOOP(DK_ADD); return;                               \
    case DK_SUB: LOOP(DK_SUB); return;                               \
    case DK_MUL: LOOP(DK_MUL); return;                               \
    case DK_DIV: LOOP(DK_DIV); return;                               \
    case DK_MAX: LOOP(DK_MAX); return;                               \
    case DK_MIN: LOOP(DK_MIN); return;                               \
    case DK_POW: LOOP(DK_POW); return;                               \
    case DK_LESS: LOOP(DK_LESS); return;                             \
    case DK_RELU_GRAD: LOOP(DK_RELU_GRAD); return;                   \
    case DK_GREATER_EQUAL: LOOP(DK_GREATER_EQUAL); return;           \
  }

DK_INLINE void dk_binary_body(enum dk_binary op, float *out, const float *a, const float *b, size_t n) {
#define SAME(OP) for (size_t i = 0; i < n; i++) out[i] = apply(OP, a[i], b[i])
  FOR_OP(SAME)
}
DK_CLONES(dk_binary, (enum dk_binary op, float *out, const float *a, const float *b, size_t n), (op, out, a, b, n))

DK_INLINE void dk_binary_scalar_body(enum dk_binary op, float *out, const float *a, float b, size_t n) {
#define SCALAR(OP) for (size_t i = 0; i < n; i++) out[i] = apply(OP, a[i], b)
  FOR_OP(SCALAR)
}
DK_CLONES(dk_binary_scalar, (enum dk_binary op, float *out, const float *a, float b, size_t n), (op, out, a, b, n))

// Walks all but the last dimension of an array; `body` sees the offsets of the row's start.
typedef struct {
  int64_t at[8];
} Walk;

void dk_binary_strided(
    enum dk_binary op, float *out, const float *a, const float *b, int rank, const int64_t *dims,
    const int64_t *a_strides, const int64_t *b_strides) {
  if (rank == 0) {
    out[0] = apply(op, a[0], b[0]);
    return;
  }
  size_t inner = (size_t)dims[rank - 1], outer = 1;
  for (int d = 0; d < rank - 1; d++) outer *= (size_t)dims[d];
  int64_t sa = a_strides[rank - 1], sb = b_strides[rank - 1];
  Walk walk = {{0}};
  int64_t oa = 0, ob = 0;
  for (size_t row = 0; row < outer; row++) {
    if (sa == 1 && sb == 1) dk_binary(op, out, a + oa, b + ob, inner);
    else if (sa == 1 && sb == 0) dk_binary_scalar(op, out, a + oa, b[ob], inner);
    else
      for (size_t i = 0; i < inner; i++) out[i] = apply(op, a[oa + (int64_t)i * sa], b[ob + (int64_t)i * sb]);
    out += inner;
    for (int d = rank - 2; d >= 0; d--) {
      oa += a_strides[d];
      ob += b_strides[d];
      if (++walk.at[d] < dims[d]) break;
      walk.at[d] = 0;
      oa -= a_strides[d] * dims[d];
      ob -= b_strides[d] * dims[d];
    }
  }
}

DK_INLINE void dk_clip_body(float *out, const float *in, float low, float high, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float x = in[i];
    x = x < low ? low : x;
    out[i] = x > high ? high : x;
  }
}
DK_CLONES(dk_clip, (float *out, const float *in, float low, float high, size_t n), (out, in, low, high, n))

DK_INLINE void dk_add_row_body(float *y, const float *b, size_t rows, size_t n) {
  for (size_t r = 0; r < rows; r++)
    for (size_t i = 0; i < n; i++) y[r * n + i] += b[i];
}
DK_CLONES(dk_add_row, (float *y, const float *b, size_t rows, size_t n), (y, b, rows, n))

void dk_fill_rows(float *y, const float *b, size_t rows, size_t n) {
  for (size_t r = 0; r < rows; r++) memcpy(y + r * n, b, n * sizeof(float));
}

DK_INLINE void dk_axpy_body(float *y, const float *x, float alpha, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += alpha * x[i];
}
DK_CLONES(dk_axpy, (float *y, const float *x, float alpha, size_t n), (y, x, alpha, n))

DK_INLINE void dk_scale_body(float *y, float alpha, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] *= alpha;
}
DK_CLONES(dk_scale, (float *y, float alpha, size_t n), (y, alpha, n))

double dk_sum(const float *x, size_t n) {
  double s = 0;
  for (size_t i = 0; i < n; i++) s += x[i];
  return s;
}

double dk_sum_squares(const float *x, size_t n) {
  double s = 0;
  for (size_t i = 0; i < n; i++) s += (double)x[i] * x[i];
  return s;
}

// ---- movement and reduction ----

// Steps `walk` over all but the last dimension, keeping `offset` in step.
DK_INLINE void advance(Walk *walk, int64_t *offset, int rank, const int64_t *dims, const int64_t *strides) {
  for (int d = rank - 2; d >= 0; d--) {
    *offset += strides[d];
    if (++walk->at[d] < dims[d]) return;
    walk->at[d] = 0;
    *offset -= strides[d] * dims[d];
  }
}

DK_INLINE size_t rows_of(int rank, const int64_t *dims) {
  size_t outer = 1;
  for (int d = 0; d < rank - 1; d++) outer *= (size_t)dims[d];
  return outer;
}

#define COPY_STRIDED(T)                                                              \
  do {                                                                               \
    T *to = out;                                                                     \
    const T *from = in;                                                              \
    for (size_t row = 0; row < outer; row++) {                                       \
      if (stride == 1) memcpy(to, from + offset, inner * sizeof(T));                 \
      else                                                                           \
        for (size_t i = 0; i < inner; i++) to[i] = from[offset + (int64_t)i * stride]; \
      to += inner;                                                                   \
      advance(&walk, &offset, rank, dims, strides);                                  \
    }                                                                                \
  } while (0)

void dk_copy_strided(void *out, const void *in, int rank, const int64_t *dims, const int64_t *strides, size_t size) {
  if (rank == 0) {
    memcpy(out, in, size);
    return;
  }
  size_t inner = (size_t)dims[rank - 1], outer = rows_of(rank, dims);
  int64_t stride = strides[rank - 1], offset = 0;
  Walk walk = {{0}};
  if (size == 8) COPY_STRIDED(int64_t);
  else if (size == 1) COPY_STRIDED(int8_t);
  else COPY_STRIDED(int32_t);
}

void dk_scatter_strided(float *out, const float *in, int rank, const int64_t *dims, const int64_t *strides) {
  if (rank == 0) {
    out[0] = in[0];
    return;
  }
  size_t inner = (size_t)dims[rank - 1], outer = rows_of(rank, dims);
  int64_t stride = strides[rank - 1], offset = 0;
  Walk walk = {{0}};
  for (size_t row = 0; row < outer; row++) {
    for (size_t i = 0; i < inner; i++) out[offset + (int64_t)i * stride] = in[i];
    in += inner;
    advance(&walk, &offset, rank, dims, strides);
  }
}

DK_INLINE void reduce_rows(
    float *out, const float *in, int rank, const int64_t *dims, const int64_t *out_strides, int maximum) {
  size_t inner = (size_t)dims[rank - 1], outer = rows_of(rank, dims);
  int64_t stride = out_strides[rank - 1], offset = 0;
  Walk walk = {{0}};
  for (size_t row = 0; row < outer; row++) {
    float *to = out + offset;
    if (stride == 0) {
      // Sixteen partial results: the compiler may not reorder a sum on its own.
      float part[16];
      for (int j = 0; j < 16; j++) part[j] = maximum ? -INFINITY : 0;
      size_t i = 0;
      for (; i + 16 <= inner; i += 16)
        for (int j = 0; j < 16; j++) {
          float x = in[i + (size_t)j];
          part[j] = maximum ? larger(x, part[j]) : part[j] + x;
        }
      for (int j = 0; i < inner; i++, j++) part[j] = maximum ? larger(in[i], part[j]) : part[j] + in[i];
      float total = part[0];
      for (int j = 1; j < 16; j++) total = maximum ? larger(part[j], total) : total + part[j];
      *to = maximum ? larger(total, *to) : *to + total;
    } else {
      for (size_t i = 0; i < inner; i++) {
        float *o = to + (int64_t)i * stride;
        *o = maximum ? larger(in[i], *o) : *o + in[i];
      }
    }
    in += inner;
    advance(&walk, &offset, rank, dims, out_strides);
  }
}

DK_INLINE void dk_reduce_sum_body(
    float *out, size_t out_n, const float *in, int rank, const int64_t *dims, const int64_t *out_strides) {
  memset(out, 0, out_n * sizeof(float));
  if (rank == 0) out[0] = in[0];
  else reduce_rows(out, in, rank, dims, out_strides, 0);
}
DK_CLONES(
    dk_reduce_sum,
    (float *out, size_t out_n, const float *in, int rank, const int64_t *dims, const int64_t *out_strides),
    (out, out_n, in, rank, dims, out_strides))

DK_INLINE void dk_reduce_max_body(
    float *out, size_t out_n, const float *in, int rank, const int64_t *dims, const int64_t *out_strides) {
  for (size_t i = 0; i < out_n; i++) out[i] = -INFINITY;
  if (rank == 0) out[0] = in[0];
  else reduce_rows(out, in, rank, dims, out_strides, 1);
}
DK_CLONES(
    dk_reduce_max,
    (float *out, size_t out_n, const float *in, int rank, const int64_t *dims, const int64_t *out_strides),
    (out, out_n, in, rank, dims, out_strides))

// ---- rows ----

DK_INLINE float sum16(const float *part) {
  float total = 0;
  for (int j = 0; j < 16; j++) total += part[j];
  return total;
}

DK_INLINE void dk_row_norms_body(float *out, const float *x, size_t rows, size_t n) {
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * n;
    float part[16] = {0};
    size_t i = 0;
    for (; i + 16 <= n; i += 16)
      for (int j = 0; j < 16; j++) part[j] += row[i + (size_t)j] * row[i + (size_t)j];
    for (int j = 0; i < n; i++, j++) part[j] += row[i] * row[i];
    out[r] = sqrtf(sum16(part));
  }
}
DK_CLONES(dk_row_norms, (float *out, const float *x, size_t rows, size_t n), (out, x, rows, n))

void dk_softmax(float *out, const float *in, size_t rows, size_t n, int logarithm) {
  for (size_t r = 0; r < rows; r++) {
    const float *z = in + r * n;
    float *y = out + r * n;
    float top = z[0];
    for (size_t i = 1; i < n; i++) top = z[i] > top ? z[i] : top;
    float total = 0;
    if (logarithm) {
      for (size_t i = 0; i < n; i++) total += expf(z[i] - top);
      float shift = top + logf(total);
      for (size_t i = 0; i < n; i++) y[i] = z[i] - shift;
    } else {
      for (size_t i = 0; i < n; i++) total += y[i] = expf(z[i] - top);
      for (size_t i = 0; i < n; i++) y[i] /= total;
    }
  }
}

void dk_softmax_gradient(float *out, const float *g, const float *y, size_t rows, size_t n, int logarithm) {
  for (size_t r = 0; r < rows; r++, out += n, g += n, y += n) {
    float total = 0;
    for (size_t i = 0; i < n; i++) total += logarithm ? g[i] : g[i] * y[i];
    for (size_t i = 0; i < n; i++) out[i] = logarithm ? g[i] - expf(y[i]) * total : y[i] * (g[i] - total);
  }
}

// ---- dense products: contraction is allowed here, as in any product ----

DK_INLINE void dk_gemv_body(
    float *y, const float *x, const float *w, const float *b, size_t k, size_t n, int relu) {
#pragma clang fp contract(fast)
  for (size_t from = 0; from < n; from += 64) {
    size_t width = n - from < 64 ? n - from : 64;
    float acc[64];
    for (size_t j = 0; j < width; j++) acc[j] = b ? b[from + j] : 0;
    if (width == 64) {
      for (size_t i = 0; i < k; i++) {
        const float *row = w + i * n + from;
        float xi = x[i];
#pragma clang loop vectorize(enable)
        for (size_t j = 0; j < 64; j++) acc[j] += xi * row[j];
      }
    } else {
      for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < width; j++) acc[j] += x[i] * w[i * n + from + j];
    }
    for (size_t j = 0; j < width; j++) y[from + j] = relu && acc[j] < 0 ? 0 : acc[j];
  }
}
DK_CLONES(
    dk_gemv, (float *y, const float *x, const float *w, const float *b, size_t k, size_t n, int relu),
    (y, x, w, b, k, n, relu))

DK_INLINE void dk_gemv_transposed_body(
    float *y, const float *x, const float *w, const float *b, size_t k, size_t n, int relu) {
#pragma clang fp contract(fast)
  for (size_t o = 0; o < n; o++) {
    const float *row = w + o * k;
    float part[64] = {0};
    size_t i = 0;
    for (; i + 64 <= k; i += 64)
#pragma clang loop vectorize(enable)
      for (size_t j = 0; j < 64; j++) part[j] += x[i + j] * row[i + j];
    for (size_t j = 0; i < k; i++, j++) part[j] += x[i] * row[i];
    for (size_t j = 0; j < 16; j++) part[j] += part[j + 16] + part[j + 32] + part[j + 48];
    float total = sum16(part) + (b ? b[o] : 0);
    y[o] = relu && total < 0 ? 0 : total;
  }
}
DK_CLONES(
    dk_gemv_transposed, (float *y, const float *x, const float *w, const float *b, size_t k, size_t n, int relu),
    (y, x, w, b, k, n, relu))

// ---- optimizers ----

DK_INLINE void dk_sgd_body(
    float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay, int nesterov, int first) {
  for (size_t i = 0; i < n; i++) {
    float d = g[i] + decay * w[i];
    if (momentum != 0) {
      float velocity = first ? d : momentum * v[i] + d;
      v[i] = velocity;
      d = nesterov ? d + momentum * velocity : velocity;
    }
    w[i] -= rate * d;
  }
}
DK_CLONES(
    dk_sgd,
    (float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay, int nesterov, int first),
    (w, g, v, n, rate, momentum, decay, nesterov, first))

DK_INLINE void adam_body(
    float *w, const float *g, float *m, float *v, size_t n, float rate, float beta1, float beta2, float epsilon,
    float decay, int decoupled, float correction1, float correction2) {
  for (size_t i = 0; i < n; i++) {
    float d = decoupled ? g[i] : g[i] + decay * w[i];
    float x = decoupled ? w[i] * (1 - rate * decay) : w[i];
    m[i] = beta1 * m[i] + (1 - beta1) * d;
    v[i] = beta2 * v[i] + (1 - beta2) * d * d;
    w[i] = x - rate / correction1 * m[i] / (sqrtf(v[i]) / correction2 + epsilon);
  }
}

DK_INLINE void dk_adam_body(
    float *w, const float *g, float *m, float *v, size_t n, float rate, float beta1, float beta2, float epsilon,
    float decay, int decoupled, uint64_t step) {
  float correction1 = (float)(1 - pow(beta1, (double)step)), correction2 = (float)sqrt(1 - pow(beta2, (double)step));
  adam_body(w, g, m, v, n, rate, beta1, beta2, epsilon, decay, decoupled, correction1, correction2);
}
DK_CLONES(
    dk_adam,
    (float *w, const float *g, float *m, float *v, size_t n, float rate, float beta1, float beta2, float epsilon,
     float decay, int decoupled, uint64_t step),
    (w, g, m, v, n, rate, beta1, beta2, epsilon, decay, decoupled, step))

// ---- pixels ----

DK_INLINE void dk_bytes_to_floats_body(float *out, const uint8_t *in, size_t n, float divisor) {
  for (size_t i = 0; i < n; i++) out[i] = (float)in[i] / divisor;
}
DK_CLONES(dk_bytes_to_floats, (float *out, const uint8_t *in, size_t n, float divisor), (out, in, n, divisor))
