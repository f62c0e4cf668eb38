#include "dither_onednn.h"

#include <dnnl.h>
#include <dnnl_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void omp_set_num_threads(int);

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t Layout;  // a pointer
#define LAYOUT_OF(l) (l)
typedef const_dnnl_memory_desc_t ConstLayout;
#else
typedef dnnl_memory_desc_t Layout;  // a value
#define LAYOUT_OF(l) (&(l))
typedef const dnnl_memory_desc_t *ConstLayout;
#endif

#define TRY(call)                                 \
  do {                                            \
    dnnl_status_t status_ = (call);               \
    if (status_ != dnnl_success) return (int)status_; \
  } while (0)

const char *dn_status(int status) {
  switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "unimplemented";
    default: return "runtime error";
  }
}

const char *dn_version(void) {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

void dn_set_threads(int threads) { omp_set_num_threads(threads); }

int dn_sgemm(
    int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
    const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  return (int)dnnl_sgemm(
      transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

// ---- one CPU engine for the process, never destroyed: kernels live as long as plans, plans as long as the server ----

static dnnl_engine_t engine(void) {
  static dnnl_engine_t shared;
  dnnl_engine_t mine = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
  if (mine) return mine;
  if (dnnl_engine_create(&mine, dnnl_cpu, 0) != dnnl_success) return NULL;
  dnnl_engine_t none = NULL;
  if (!__atomic_compare_exchange_n(&shared, &none, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    dnnl_engine_destroy(mine);
    mine = none;
  }
  return mine;
}

// ---- a kernel: a primitive, and a reorder for every operand whose layout it does not like plain ----

enum { MAX_OPERANDS = 4 };

typedef struct {
  int argument;           // DNNL_ARG_…
  int is_output;
  dnnl_memory_t plain;    // the caller's memory
  dnnl_memory_t liked;    // the same as `plain`, or memory of the kernel's own
  void *own;
  dnnl_primitive_t reorder;
} Operand;

struct dn_kernel {
  dnnl_primitive_t primitive;
  dnnl_stream_t stream;
  Operand operands[MAX_OPERANDS];
  int count;
  dnnl_memory_t scratch, workspace;
  void *scratch_bytes;
  size_t workspace_size;
};

void dn_destroy(dn_kernel *kernel) {
  if (!kernel) return;
  for (int i = 0; i < kernel->count; i++) {
    Operand *o = &kernel->operands[i];
    if (o->reorder) dnnl_primitive_destroy(o->reorder);
    if (o->liked && o->liked != o->plain) dnnl_memory_destroy(o->liked);
    if (o->plain) dnnl_memory_destroy(o->plain);
    free(o->own);
  }
  if (kernel->scratch) dnnl_memory_destroy(kernel->scratch);
  if (kernel->workspace) dnnl_memory_destroy(kernel->workspace);
  if (kernel->primitive) dnnl_primitive_destroy(kernel->primitive);
  if (kernel->stream) dnnl_stream_destroy(kernel->stream);
  free(kernel->scratch_bytes);
  free(kernel);
}

static void *aligned_bytes(size_t size) {
  void *bytes = NULL;
  return posix_memalign(&bytes, 64, size ? (size + 63) / 64 * 64 : 64) == 0 ? bytes : NULL;
}

static int layout(Layout *out, int rank, const dnnl_dim_t *dims, dnnl_format_tag_t tag) {
#if DNNL_VERSION_MAJOR >= 3
  return (int)dnnl_memory_desc_create_with_tag(out, rank, dims, dnnl_f32, tag);
#else
  return (int)dnnl_memory_desc_init_by_tag(out, rank, dims, dnnl_f32, tag);
#endif
}

static void release(Layout *l) {
#if DNNL_VERSION_MAJOR >= 3
  if (*l) dnnl_memory_desc_destroy(*l);
#else
  (void)l;
#endif
}

static int add_operand(
    dn_kernel *kernel, const_dnnl_primitive_desc_t pd, dnnl_query_t query, int argument, int is_output, int rank,
    const dnnl_dim_t *dims, dnnl_format_tag_t tag) {
  Operand *o = &kernel->operands[kernel->count++];
  o->argument = argument;
  o->is_output = is_output;
  Layout plain;
  TRY(layout(&plain, rank, dims, tag));
  ConstLayout liked = dnnl_primitive_desc_query_md(pd, query, 0);
  int same = dnnl_memory_desc_equal(LAYOUT_OF(plain), liked);
  dnnl_status_t status = dnnl_memory_create(&o->plain, LAYOUT_OF(plain), engine(), DNNL_MEMORY_NONE);
  o->liked = o->plain;
  if (status == dnnl_success && !same) {
    o->own = aligned_bytes(dnnl_memory_desc_get_size(liked));
    o->liked = NULL;
    status = o->own ? dnnl_memory_create(&o->liked, liked, engine(), o->own) : dnnl_out_of_memory;
    dnnl_primitive_desc_t reorder = NULL;
    if (status == dnnl_success)
      status = is_output
                   ? dnnl_reorder_primitive_desc_create(&reorder, liked, engine(), LAYOUT_OF(plain), engine(), NULL)
                   : dnnl_reorder_primitive_desc_create(&reorder, LAYOUT_OF(plain), engine(), liked, engine(), NULL);
    if (status == dnnl_success) status = dnnl_primitive_create(&o->reorder, reorder);
    if (reorder) dnnl_primitive_desc_destroy(reorder);
  }
  release(&plain);
  return (int)status;
}

static int finish(dn_kernel *kernel, const_dnnl_primitive_desc_t pd) {
  TRY(dnnl_stream_create(&kernel->stream, engine(), dnnl_stream_default_flags));
  ConstLayout scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
  size_t size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
  if (size) {
    kernel->scratch_bytes = aligned_bytes(size);
    if (!kernel->scratch_bytes) return dnnl_out_of_memory;
    TRY(dnnl_memory_create(&kernel->scratch, scratch, engine(), kernel->scratch_bytes));
  }
  TRY(dnnl_primitive_create(&kernel->primitive, pd));
  return 0;
}

// Scratch memory is the kernel's, not the library's: two kernels then never share it.
static int attributes(dnnl_primitive_attr_t *attr, int relu) {
  TRY(dnnl_primitive_attr_create(attr));
  TRY(dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user));
  if (relu) {
    dnnl_post_ops_t ops;
    TRY(dnnl_post_ops_create(&ops));
#if DNNL_VERSION_MAJOR >= 3
    dnnl_status_t status = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
#else
    dnnl_status_t status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
#endif
    if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*attr, ops);
    dnnl_post_ops_destroy(ops);
    TRY(status);
  }
  return 0;
}

static int run(dn_kernel *kernel, void *const *memory) {
  dnnl_exec_arg_t arguments[MAX_OPERANDS + 2];
  int count = 0;
  for (int i = 0; i < kernel->count; i++) {
    Operand *o = &kernel->operands[i];
    TRY(dnnl_memory_set_data_handle(o->plain, memory[i]));
    if (o->reorder && !o->is_output) {
      dnnl_exec_arg_t pair[2] = {{DNNL_ARG_FROM, o->plain}, {DNNL_ARG_TO, o->liked}};
      TRY(dnnl_primitive_execute(o->reorder, kernel->stream, 2, pair));
    }
    arguments[count++] = (dnnl_exec_arg_t){o->argument, o->liked};
  }
  if (kernel->scratch) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, kernel->scratch};
  if (kernel->workspace) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_WORKSPACE, kernel->workspace};
  TRY(dnnl_primitive_execute(kernel->primitive, kernel->stream, count, arguments));
  for (int i = 0; i < kernel->count; i++) {
    Operand *o = &kernel->operands[i];
    if (!o->reorder || !o->is_output) continue;
    dnnl_exec_arg_t pair[2] = {{DNNL_ARG_FROM, o->liked}, {DNNL_ARG_TO, o->plain}};
    TRY(dnnl_primitive_execute(o->reorder, kernel->stream, 2, pair));
  }
  return (int)dnnl_stream_wait(kernel->stream);
}

// ---- convolution ----

typedef struct {
  dnnl_dim_t x[4], w[5], b[1], y[4], strides[2], dilations[2], pad_begin[2], pad_end[2];
  int w_rank;
  dnnl_format_tag_t w_tag;
} Dims;

static Dims dims_of(const dn_convolution_shape *s) {
  Dims d = {
      .x = {s->batch, s->in_channels, s->in_height, s->in_width},
      .b = {s->out_channels},
      .y = {s->batch, s->out_channels, s->out_height, s->out_width},
      .strides = {s->stride_height, s->stride_width},
      .dilations = {s->dilation_height - 1, s->dilation_width - 1},
      .pad_begin = {s->pad_top, s->pad_left},
      .pad_end = {s->pad_bottom, s->pad_right},
  };
  if (s->groups > 1) {
    dnnl_dim_t w[5] = {
        s->groups, s->out_channels / s->groups, s->in_channels / s->groups, s->kernel_height, s->kernel_width};
    memcpy(d.w, w, sizeof w);
    d.w_rank = 5;
    d.w_tag = dnnl_goihw;
  } else {
    dnnl_dim_t w[4] = {s->out_channels, s->in_channels, s->kernel_height, s->kernel_width};
    memcpy(d.w, w, sizeof w);
    d.w_rank = 4;
    d.w_tag = dnnl_oihw;
  }
  return d;
}

static int convolution_pd(
    dnnl_primitive_desc_t *pd, enum dn_direction direction, const Dims *d, int with_bias, dnnl_primitive_attr_t attr,
    const_dnnl_primitive_desc_t hint) {
  Layout x = {0}, w = {0}, b = {0}, y = {0};
  int status = layout(&x, 4, d->x, dnnl_format_tag_any);
  if (!status) status = layout(&w, d->w_rank, d->w, dnnl_format_tag_any);
  if (!status) status = layout(&b, 1, d->b, dnnl_a);
  if (!status) status = layout(&y, 4, d->y, dnnl_format_tag_any);
  if (!status) {
#if DNNL_VERSION_MAJOR >= 3
    const_dnnl_memory_desc_t bias = with_bias ? b : NULL;
    if (direction == DN_FORWARD)
      status = (int)dnnl_convolution_forward_primitive_desc_create(
          pd, engine(), dnnl_forward_training, dnnl_convolution_direct, x, w, bias, y,
          d->strides, d->dilations, d->pad_begin, d->pad_end, attr);
    else if (direction == DN_BACKWARD_DATA)
      status = (int)dnnl_convolution_backward_data_primitive_desc_create(
          pd, engine(), dnnl_convolution_direct, x, w, y, d->strides, d->dilations, d->pad_begin, d->pad_end, hint,
          attr);
    else
      status = (int)dnnl_convolution_backward_weights_primitive_desc_create(
          pd, engine(), dnnl_convolution_direct, x, w, bias, y, d->strides, d->dilations, d->pad_begin, d->pad_end,
          hint, attr);
#else
    const dnnl_memory_desc_t *bias = with_bias ? &b : NULL;
    dnnl_convolution_desc_t desc;
    if (direction == DN_FORWARD)
      status = (int)dnnl_dilated_convolution_forward_desc_init(
          &desc, dnnl_forward_training, dnnl_convolution_direct, &x, &w, bias, &y, d->strides, d->dilations,
          d->pad_begin, d->pad_end);
    else if (direction == DN_BACKWARD_DATA)
      status = (int)dnnl_dilated_convolution_backward_data_desc_init(
          &desc, dnnl_convolution_direct, &x, &w, &y, d->strides, d->dilations, d->pad_begin, d->pad_end);
    else
      status = (int)dnnl_dilated_convolution_backward_weights_desc_init(
          &desc, dnnl_convolution_direct, &x, &w, bias, &y, d->strides, d->dilations, d->pad_begin, d->pad_end);
    if (!status) status = (int)dnnl_primitive_desc_create(pd, &desc, attr, engine(), hint);
#endif
  }
  release(&x);
  release(&w);
  release(&b);
  release(&y);
  return status;
}

int dn_convolution(
    dn_kernel **out, enum dn_direction direction, const dn_convolution_shape *shape, int with_bias, int relu) {
  *out = NULL;
  if (!engine()) return dnnl_runtime_error;
  Dims d = dims_of(shape);
  dn_kernel *kernel = calloc(1, sizeof *kernel);
  dnnl_primitive_attr_t attr = NULL;
  dnnl_primitive_desc_t pd = NULL, hint = NULL;
  if (!kernel) return dnnl_out_of_memory;
  int status = attributes(&attr, relu && direction == DN_FORWARD);
  if (!status && direction != DN_FORWARD) status = convolution_pd(&hint, DN_FORWARD, &d, with_bias, NULL, NULL);
  if (!status) status = convolution_pd(&pd, direction, &d, with_bias, attr, hint);
  int forward = direction == DN_FORWARD, data = direction == DN_BACKWARD_DATA;
  if (!status)
    status = add_operand(
        kernel, pd, data ? dnnl_query_diff_src_md : dnnl_query_src_md, data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, data, 4,
        d.x, dnnl_nchw);
  if (!status)
    status = add_operand(
        kernel, pd, forward || data ? dnnl_query_weights_md : dnnl_query_diff_weights_md,
        forward || data ? DNNL_ARG_WEIGHTS : DNNL_ARG_DIFF_WEIGHTS, !forward && !data, d.w_rank, d.w, d.w_tag);
  if (!status)
    status = add_operand(
        kernel, pd, forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md, forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
        forward, 4, d.y, dnnl_nchw);
  if (!status && with_bias && !data) {
    Operand *o = &kernel->operands[kernel->count++];
    o->argument = forward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS;
    o->is_output = !forward;
    Layout b;
    status = layout(&b, 1, d.b, dnnl_a);
    if (!status) status = (int)dnnl_memory_create(&o->plain, LAYOUT_OF(b), engine(), DNNL_MEMORY_NONE);
    o->liked = o->plain;
    release(&b);
  }
  if (!status) status = finish(kernel, pd);
  if (pd) dnnl_primitive_desc_destroy(pd);
  if (hint) dnnl_primitive_desc_destroy(hint);
  if (attr) dnnl_primitive_attr_destroy(attr);
  if (status) dn_destroy(kernel);
  else *out = kernel;
  return status;
}

int dn_convolution_run(dn_kernel *kernel, float *x, float *w, float *bias, float *y) {
  void *memory[MAX_OPERANDS] = {x, w, y, bias};
  return run(kernel, memory);
}

// ---- pooling ----

static int pooling_pd(
    dnnl_primitive_desc_t *pd, int forward, enum dn_pooling_kind kind, const dn_convolution_shape *s,
    dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint) {
  Dims d = dims_of(s);
  dnnl_dim_t window[2] = {s->kernel_height, s->kernel_width};
  dnnl_alg_kind_t algorithm = kind == DN_MAX                          ? dnnl_pooling_max
                              : kind == DN_AVERAGE_INCLUDING_PADDING ? dnnl_pooling_avg_include_padding
                                                                     : dnnl_pooling_avg_exclude_padding;
  Layout x = {0}, y = {0};
  int status = layout(&x, 4, d.x, dnnl_nchw);
  if (!status) status = layout(&y, 4, d.y, dnnl_nchw);
  if (!status) {
#if DNNL_VERSION_MAJOR >= 3
    if (forward)
      status = (int)dnnl_pooling_forward_primitive_desc_create(
          pd, engine(), dnnl_forward_training, algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end,
          attr);
    else
      status = (int)dnnl_pooling_backward_primitive_desc_create(
          pd, engine(), algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end, hint, attr);
#else
    dnnl_pooling_v2_desc_t desc;
    status = forward ? (int)dnnl_pooling_v2_forward_desc_init(
                           &desc, dnnl_forward_training, algorithm, &x, &y, d.strides, window, d.dilations,
                           d.pad_begin, d.pad_end)
                     : (int)dnnl_pooling_v2_backward_desc_init(
                           &desc, algorithm, &x, &y, d.strides, window, d.dilations, d.pad_begin, d.pad_end);
    if (!status) status = (int)dnnl_primitive_desc_create(pd, &desc, attr, engine(), hint);
#endif
  }
  release(&x);
  release(&y);
  return status;
}

int dn_pooling(
    dn_kernel **out, enum dn_direction direction, enum dn_pooling_kind kind, const dn_convolution_shape *shape) {
  *out = NULL;
  if (!engine()) return dnnl_runtime_error;
  int forward = direction == DN_FORWARD;
  Dims d = dims_of(shape);
  dn_kernel *kernel = calloc(1, sizeof *kernel);
  dnnl_primitive_attr_t attr = NULL;
  dnnl_primitive_desc_t pd = NULL, hint = NULL;
  if (!kernel) return dnnl_out_of_memory;
  int status = attributes(&attr, 0);
  if (!status && !forward) status = pooling_pd(&hint, 1, kind, shape, NULL, NULL);
  if (!status) status = pooling_pd(&pd, forward, kind, shape, attr, hint);
  if (!status)
    status = add_operand(
        kernel, pd, forward ? dnnl_query_src_md : dnnl_query_diff_src_md, forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_SRC,
        !forward, 4, d.x, dnnl_nchw);
  if (!status)
    status = add_operand(
        kernel, pd, forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md, forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
        forward, 4, d.y, dnnl_nchw);
  if (!status && kind == DN_MAX) {
    ConstLayout workspace = dnnl_primitive_desc_query_md(pd, dnnl_query_workspace_md, 0);
    kernel->workspace_size = workspace ? dnnl_memory_desc_get_size(workspace) : 0;
    if (kernel->workspace_size)
      status = (int)dnnl_memory_create(&kernel->workspace, workspace, engine(), DNNL_MEMORY_NONE);
  }
  if (!status) status = finish(kernel, pd);
  if (pd) dnnl_primitive_desc_destroy(pd);
  if (hint) dnnl_primitive_desc_destroy(hint);
  if (attr) dnnl_primitive_attr_destroy(attr);
  if (status) dn_destroy(kernel);
  else *out = kernel;
  return status;
}

size_t dn_pooling_workspace(const dn_kernel *kernel) { return kernel->workspace_size; }

int dn_pooling_run(dn_kernel *kernel, float *x, float *y, void *workspace) {
  if (kernel->workspace) TRY(dnnl_memory_set_data_handle(kernel->workspace, workspace));
  void *memory[MAX_OPERANDS] = {x, y, NULL, NULL};
  return run(kernel, memory);
}
