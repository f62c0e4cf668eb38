// oneDNN behind one shim: the only place that knows which major version (2.6 … 3.x) it is built with.
// Memory has a layout: plain (row-major; images N, C, H, W; weights O, I, H, W) or whatever a kernel likes better; a reorder
// is a kernel of its own. Every call returns 0 or oneDNN's status; nothing aborts. A kernel is used by one thread at a time,
// a layout by any.
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
// The instructions in use, as oneDNN calls them: "avx512_core_bf16".
const char *dn_isa(void);
// Keeps oneDNN from newer instructions, before the first kernel is made: "sse41", "avx", "avx2" or "avx512_core".
int dn_limit_isa(const char *name);
// Whether the CPU has instructions for products of bf16 numbers.
int dn_has_bf16(void);
// The number of OpenMP threads that kernels created and run by the calling thread use.
void dn_set_threads(int threads);

// c (m by n) = alpha * op(a) op(b) + beta * c; transposed operands are stored as their transposes. Row-major. The same bits for any
// number of threads.
int dn_sgemm(
    int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
    const float *b, int64_t ldb, float beta, float *c, int64_t ldc);

// ---- layouts ------------------------------------------------------------------------------------------------------

enum dn_type { DN_F32, DN_BF16 };

typedef struct dn_layout dn_layout;
// Row-major. rank <= 8.
int dn_layout_plain(dn_layout **out, int rank, const int64_t *dims, enum dn_type type);
// Of two axes, the first of which is the faster one: a transposed matrix.
int dn_layout_transposed(dn_layout **out, const int64_t *dims, enum dn_type type);
// Of fp32 images whose channels lie in blocks of 8 or 16: [N, C / block, H, W, block].
int dn_layout_blocked(dn_layout **out, const int64_t *dims, int block);
// The part of `whole` that is the first rows of its first axis.
int dn_layout_first_rows(dn_layout **out, const dn_layout *whole, int64_t rows);
// L where it is [N, C / L, points…, L], dense and without padding: blocks of channels, channels last, plain images (1) or rows; else 0.
int64_t dn_layout_lanes(const dn_layout *layout);
void dn_layout_destroy(dn_layout *layout);
int dn_layout_equal(const dn_layout *a, const dn_layout *b);
// Padding included.
size_t dn_layout_bytes(const dn_layout *layout);
enum dn_type dn_layout_type(const dn_layout *layout);
// Fills `dims`, which has room for 12, and returns the rank.
int dn_layout_dims(const dn_layout *layout, int64_t *dims);

// ---- kernels ------------------------------------------------------------------------------------------------------

enum dn_operand { DN_X, DN_W, DN_BIAS, DN_Y, DN_OPERANDS };

typedef struct dn_kernel dn_kernel;
void dn_destroy(dn_kernel *kernel);
// The layout of an operand, to be destroyed by the caller; NULL where the kernel has no such operand.
dn_layout *dn_kernel_layout(const dn_kernel *kernel, enum dn_operand operand);
// What forward keeps for backward, in bytes; 0 for none.
size_t dn_kernel_workspace(const dn_kernel *kernel);
// `memory` by dn_operand; NULL where the kernel has no such operand.
int dn_run(dn_kernel *kernel, void *const memory[DN_OPERANDS], void *workspace);
// Runs kernels that were made for one thread each and have no workspace, shared by the calling thread's OpenMP threads.
int dn_run_parts(dn_kernel *const *kernels, void *const *const *memory, int count);

// X to Y.
int dn_reorder(dn_kernel **out, const dn_layout *from, const dn_layout *to);

enum dn_direction { DN_FORWARD, DN_BACKWARD_DATA, DN_BACKWARD_WEIGHTS };

typedef struct {
  int64_t batch, in_channels, in_height, in_width, out_channels, out_height, out_width;
  int64_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  int64_t pad_top, pad_left, pad_bottom, pad_right, groups;
  int volume;  // whether there is a depth before height and width: [N, C, D, H, W]
  int64_t in_depth, out_depth, kernel_depth, stride_depth, dilation_depth, pad_front, pad_back;
} dn_convolution_shape;

typedef struct {
  enum dn_type type;  // of X, W and Y; the bias is fp32
  int bias, relu;
  int sum;  // Y += instead of Y =, before the ReLU
  int with_w_gradient_f32;  // the weights' gradient in fp32, whatever the type
} dn_product_options;

// DN_FORWARD: Y = conv(X, W) + bias. DN_BACKWARD_DATA: X = gradient from Y and W.
// DN_BACKWARD_WEIGHTS: W (and bias, if asked) = gradients from X and Y. X and Y in the given layouts, or any for NULL.
int dn_convolution(
    dn_kernel **out, enum dn_direction direction, const dn_convolution_shape *shape, const dn_product_options *options,
    const dn_layout *x, const dn_layout *y);

// Y [m, n] = X [m, k] W [k, n] + bias; W in a layout that the kernel likes.
int dn_matmul(dn_kernel **out, int64_t m, int64_t n, int64_t k, const dn_product_options *options);

// Y [m, n] = or += op(X) op(W) in fp32, all row-major; a transposed operand is stored as its transpose. Unlike dn_sgemm it
// allocates nothing when it runs.
int dn_product(
    dn_kernel **out, int64_t m, int64_t n, int64_t k, int transpose_x, int transpose_w, int accumulate);

enum dn_pooling_kind { DN_MAX, DN_AVERAGE_INCLUDING_PADDING, DN_AVERAGE_EXCLUDING_PADDING };

// DN_FORWARD: X in `layout` to Y. DN_BACKWARD_DATA: Y, in the layout that forward gives, to X. Forward of a maximum fills
// the workspace, if backward is to follow.
int dn_pooling(
    dn_kernel **out, enum dn_direction direction, enum dn_pooling_kind kind, const dn_convolution_shape *shape,
    const dn_layout *layout, int backward_follows);

#ifdef __cplusplus
}
#endif
