// oneDNN behind one shim: the only place that knows which major version (2.6 … 3.x) it is built with.
// Tensors are plain, row-major fp32 (images N, C, H, W; weights O, I, H, W); layouts that a kernel prefers are its own
// business. Every call returns 0 or oneDNN's status; nothing aborts. An object is used by one thread at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The name of a status, for messages.
const char *dn_status(int status);
// "2.6.3"
const char *dn_version(void);
// The number of OpenMP threads that kernels created and run by the calling thread use.
void dn_set_threads(int threads);

// c (m by n) = alpha * op(a) op(b) + beta * c; transposed operands are stored as their transposes. Row-major.
int dn_sgemm(
    int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
    const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

typedef struct dn_kernel dn_kernel;
void dn_destroy(dn_kernel *kernel);

enum dn_direction { DN_FORWARD, DN_BACKWARD_DATA, DN_BACKWARD_WEIGHTS };

typedef struct {
  int64_t batch, in_channels, in_height, in_width, out_channels, out_height, out_width;
  int64_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  int64_t pad_top, pad_left, pad_bottom, pad_right, groups;
} dn_convolution_shape;

// DN_FORWARD: y = conv(x, w) + bias, then ReLU if asked. DN_BACKWARD_DATA: x = gradient from y and w.
// DN_BACKWARD_WEIGHTS: w (and bias, if asked) = gradients from x and y.
int dn_convolution(
    dn_kernel **out, enum dn_direction direction, const dn_convolution_shape *shape, int with_bias, int relu);
int dn_convolution_run(dn_kernel *kernel, float *x, float *w, float *bias, float *y);

enum dn_pooling_kind { DN_MAX, DN_AVERAGE_INCLUDING_PADDING, DN_AVERAGE_EXCLUDING_PADDING };

// Forward and backward of one pooling share a workspace: bytes, of this size, that forward fills (max only).
int dn_pooling(
    dn_kernel **out, enum dn_direction direction, enum dn_pooling_kind kind, const dn_convolution_shape *shape);
size_t dn_pooling_workspace(const dn_kernel *kernel);
int dn_pooling_run(dn_kernel *kernel, float *x, float *y, void *workspace);

#ifdef __cplusplus
}
#endif
