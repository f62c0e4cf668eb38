// Dither's own kernels: what oneDNN lacks. Noise is counter-based; every clone of a noise kernel gives the same bits.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- the instruction set ----------------------------------------------------------------------------------------

// 4: x86-64-v4 (AVX-512), 3: x86-64-v3 (AVX2), 0: the compiler's baseline.
int dk_best_level(void);
int dk_level(void);
// For tests: use the clones of this level, at most the CPU's best.
void dk_set_level(int level);

// ---- noise: Philox 4x32-10 (Salmon et al. 2011); counter = (index / 4, site, sample, stream), key = seed ---------

enum { DK_STREAM_BITS = 0, DK_STREAM_NOISE = 1, DK_STREAM_SEQUENCE = 2 };

void dk_bits(uint32_t *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample, uint32_t stream);
// Uniform on (0, 1), 24 bits: never 0, never 1.
void dk_uniforms(float *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample);
// Standard normals by Box and Muller's transform.
void dk_normals(float *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample);
// out = w + sigma * normal
void dk_add_normals(
    float *out, const float *w, size_t n, float sigma, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample);

// For each row r of `rows` and draw s of `samples`: out[s * rows + r, :] = y[r, :] + factor * scale[r] * normals, drawn at
// (seeds[r], site, first_sample + s). With `scale_per_element`, scale is rows by n. scale NULL: 1. `antithetic`: draws 2 i and
// 2 i + 1 are draw i and its negative.
void dk_row_noise(
    float *out, const float *y, const float *scale, int scale_per_element, size_t rows, size_t samples, size_t n,
    float factor, const uint64_t *seeds, uint32_t site, uint32_t first_sample, int antithetic);

// ---- noise of convolutions ---------------------------------------------------------------------------------------

typedef struct {
  int64_t in_height, in_width, out_height, out_width, kernel_height, kernel_width, stride_height, stride_width;
  int64_t dilation_height, dilation_width, pad_top, pad_left;
} dk_window;
// The Gram matrix of a window's patches, P by P with P = out_height * out_width, from that of the pixels, which is
// in_height * in_width squared: g[u, v] = sum over the window's places d of a[pixel(u, d), pixel(v, d)].
void dk_patch_gram(double *g, const float *a, const dk_window *window);
// factor = L with L L' = g + jitter * max diagonal of g; lower triangle, the rest 0. g is overwritten.
void dk_cholesky(float *factor, double *g, size_t n, double jitter);

// ---- element-wise ------------------------------------------------------------------------------------------------

enum dk_unary {
  DK_RELU, DK_TANH, DK_SIGMOID, DK_EXP, DK_LOG, DK_SQRT, DK_ABS, DK_NEG, DK_ERF, DK_SIGN, DK_RECIPROCAL, DK_SQUARE,
  DK_SOFTPLUS, DK_FLOOR, DK_CEIL, DK_ROUND
};
void dk_unary(enum dk_unary op, float *out, const float *in, size_t n);

enum dk_binary { DK_ADD, DK_SUB, DK_MUL, DK_DIV, DK_MAX, DK_MIN, DK_POW, DK_LESS, DK_RELU_GRAD, DK_GREATER_EQUAL };
// Same shapes.
void dk_binary(enum dk_binary op, float *out, const float *a, const float *b, size_t n);
// The same over bf16 numbers, for DK_RELU and for DK_ADD and DK_RELU_GRAD.
void dk_unary_bf16(enum dk_unary op, uint16_t *out, const uint16_t *in, size_t n);
void dk_binary_bf16(enum dk_binary op, uint16_t *out, const uint16_t *a, const uint16_t *b, size_t n);
// Calls `body` for parts of 0..<n, on as many OpenMP threads as the calling thread was given; small n: on this one. Parts begin at
// multiples of `unit`.
void dk_parallel(
    size_t n, size_t unit, void (*body)(void *context, size_t start, size_t count), void *context);
// Large arrays are shared by those threads.
void dk_unary_parallel(enum dk_unary op, float *out, const float *in, size_t n);
void dk_binary_parallel(enum dk_binary op, float *out, const float *a, const float *b, size_t n);
void dk_unary_bf16_parallel(enum dk_unary op, uint16_t *out, const uint16_t *in, size_t n);
void dk_binary_bf16_parallel(enum dk_binary op, uint16_t *out, const uint16_t *a, const uint16_t *b, size_t n);
// b is one number.
void dk_binary_scalar(enum dk_binary op, float *out, const float *a, float b, size_t n);
// Any broadcast: out has `rank` dims; strides in elements, 0 where an operand is broadcast. rank <= 8.
void dk_binary_strided(
    enum dk_binary op, float *out, const float *a, const float *b, int rank, const int64_t *dims,
    const int64_t *a_strides, const int64_t *b_strides);
// out = clamp(in, low, high)
void dk_clip(float *out, const float *in, float low, float high, size_t n);
// y[r, :] += b for every row.
void dk_add_row(float *y, const float *b, size_t rows, size_t n);
// y[r, :] = b for every row.
void dk_fill_rows(float *y, const float *b, size_t rows, size_t n);
// y += alpha * x
void dk_axpy(float *y, const float *x, float alpha, size_t n);
void dk_scale(float *y, float alpha, size_t n);
double dk_sum(const float *x, size_t n);
double dk_sum_squares(const float *x, size_t n);

// ---- movement and reduction ---------------------------------------------------------------------------------------

// out, contiguous over dims, gathers in[offset + sum i_d * strides_d]: transposes, slices, expansions. size: 1, 4 or 8 bytes.
void dk_copy_strided(void *out, const void *in, int rank, const int64_t *dims, const int64_t *strides, size_t size);
// out[strides] = in: the inverse, for slices' gradients; out is not cleared.
void dk_scatter_strided(float *out, const float *in, int rank, const int64_t *dims, const int64_t *strides);
// in is contiguous over dims; out += over its own strides, 0 where it is summed. out is cleared first over `out_n`.
void dk_reduce_sum(float *out, size_t out_n, const float *in, int rank, const int64_t *dims, const int64_t *out_strides);
// The same with the maximum.
void dk_reduce_max(float *out, size_t out_n, const float *in, int rank, const int64_t *dims, const int64_t *out_strides);

// ---- rows ----------------------------------------------------------------------------------------------------------

// out[r] = sqrt(sum_k x[r, k]^2)
void dk_row_norms(float *out, const float *x, size_t rows, size_t n);
// Softmax over n, contiguous rows. `logarithm`: its logarithm.
void dk_softmax(float *out, const float *in, size_t rows, size_t n, int logarithm);
// Gradient of softmax from its output y: y * (g - sum(g * y)); of log-softmax: g - exp(y) * sum(g).
void dk_softmax_gradient(float *out, const float *g, const float *y, size_t rows, size_t n, int logarithm);

// ---- dense products ------------------------------------------------------------------------------------------------

// y = b + x W, one row; W is k by n, row-major. b may be NULL. relu: y = max(y, 0).
void dk_gemv(float *y, const float *x, const float *w, const float *b, size_t k, size_t n, int relu);
// y = b + W x, W is n by k, row-major.
void dk_gemv_transposed(float *y, const float *x, const float *w, const float *b, size_t k, size_t n, int relu);

// ---- optimizers ------------------------------------------------------------------------------------------------------

// PyTorch's conventions: g += decay * w; v = first ? g : momentum * v + g; w -= rate * (nesterov ? g + momentum * v : v)
void dk_sgd(
    float *w, const float *g, float *v, size_t n, float rate, float momentum, float decay, int nesterov, int first);
// Adam and AdamW (decoupled): m, v moments; step counts from 1.
void dk_adam(
    float *w, const float *g, float *m, float *v, size_t n, float rate, float beta1, float beta2, float epsilon,
    float decay, int decoupled, uint64_t step);

// ---- images: channels lie in blocks of 8 or 16, [N, C / block, H, W, block] --------------------------------------------

// y = the largest of each window of each of the N * C / block planes; NaN where there is one. Shared by threads, as what follows.
void dk_max_pool_parallel(float *y, const float *x, size_t planes, int block, const dk_window *window);
// Its gradient for x from the upstream gradient g; x and y are the forward pass's. Where maxima tie it goes to the first.
void dk_max_pool_gradient_parallel(
    float *dx, const float *g, const float *x, const float *y, size_t planes, int block, const dk_window *window);
// The gradient of a convolution for an input of few channels: inputs * kernel_height * kernel_width <= DK_MOST_TAPS. dx is plain
// [N, inputs, H, W], g of `channels` channels is in blocks, weights are plain [channels, inputs, kernel_height, kernel_width].
// scratch: on a cache line, of as many bytes as the next function says.
enum { DK_MOST_TAPS = 64 };
size_t dk_thin_gradient_scratch(size_t images, int64_t inputs, int64_t channels, const dk_window *window);
void dk_thin_gradient_parallel(
    float *dx, const float *g, const float *weights, void *scratch, size_t images, int64_t inputs, int64_t channels,
    int block, const dk_window *window);

// ---- normalization by a batch's own statistics ----------------------------------------------------------------------

// [images, planes, points, lanes], channel = plane * lanes + lane: in blocks of lanes; channels last with one plane; plain images with
// one lane; plain rows with one plane and one point. fp32 or bf16 numbers.
typedef struct {
  size_t images, planes, points, lanes;
  int bf16;
} dk_channels;
// Bytes that both kernels need on the way, on a cache line.
size_t dk_batch_norm_scratch(const dk_channels *shape);
// y = (x - mean) / sqrt(variance + epsilon) * scale + shift, then ReLU; mean and biased variance by channel. Sums are of fixed parts
// of the batch: the same bits for any number of threads, that share the work.
void dk_batch_norm_parallel(
    void *y, const void *x, const float *scale, const float *shift, float *mean, float *variance, float epsilon,
    int relu, void *scratch, const dk_channels *shape);
// Its gradients from the upstream gradient g, with the mean and the variance of the forward pass.
void dk_batch_norm_gradient_parallel(
    void *dx, float *dscale, float *dshift, const void *g, const void *x, const float *scale, const float *shift,
    const float *mean, const float *variance, float epsilon, int relu, void *scratch, const dk_channels *shape);

// ---- pixels ----------------------------------------------------------------------------------------------------------

// out = in / divisor
void dk_bytes_to_floats(float *out, const uint8_t *in, size_t n, float divisor);

#ifdef __cplusplus
}
#endif
