#include "dither_onednn.h"

#include <dnnl.h>
#include <dnnl_version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void omp_set_num_threads(int);
extern int omp_get_max_threads(void);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t Desc;
struct dn_layout {
  dnnl_memory_desc_t desc;  // a pointer
};
#define DESC(l) ((l)->desc)
#else
typedef const dnnl_memory_desc_t *Desc;
struct dn_layout {
  dnnl_memory_desc_t desc;  // a value
};
#define DESC(l) (&(l)->desc)
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

static const struct {
  const char *name;
  dnnl_cpu_isa_t isa;
} isas[] = {
    {"avx512_core_amx", dnnl_cpu_isa_avx512_core_amx},
    {"avx512_core_bf16", dnnl_cpu_isa_avx512_core_bf16},
    {"avx512_core_vnni", dnnl_cpu_isa_avx512_core_vnni},
    {"avx512_core", dnnl_cpu_isa_avx512_core},
    {"avx2", dnnl_cpu_isa_avx2},
    {"avx", dnnl_cpu_isa_avx},
    {"sse41", dnnl_cpu_isa_sse41},
};

const char *dn_isa(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
    if ((isa & isas[i].isa) == isas[i].isa) return isas[i].name;
  }
  return "none";
}

int dn_limit_isa(const char *name) {
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
    if (strcmp(isas[i].name, name) == 0) return (int)dnnl_set_max_cpu_isa(isas[i].isa);
  }
  return (int)dnnl_invalid_arguments;
}

int dn_has_bf16(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  // The sets of instructions are bit masks, each within the next.
  return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

void dn_set_threads(int threads) { omp_set_num_threads(threads); }

// ---- work in parts that the shapes alone decide, each computed by one thread: no bit depends on how many there are ----

typedef struct {
  int parts, status;
  int (*run)(void *context, int part);
  void *context;
} Parts;

static void run_own_parts(void *data) {
  Parts *all = data;
  int threads = omp_get_num_threads(), me = omp_get_thread_num();
  // oneDNN would divide a part again, where the team has one thread only.
  omp_set_num_threads(1);
  for (int part = all->parts * me / threads; part < all->parts * (me + 1) / threads; part++) {
    int status = all->run(all->context, part);
    if (status) __atomic_store_n(&all->status, status, __ATOMIC_RELAXED);
  }
}

static int run_parts(int parts, int (*run)(void *, int), void *context) {
  Parts all = {parts, 0, run, context};
  int threads = omp_get_max_threads(), own = threads < parts ? threads : parts;
  if (own > 1) {
    GOMP_parallel(run_own_parts, &all, (unsigned)own, 0);
    return all.status;
  }
  omp_set_num_threads(1);
  for (int part = 0; part < parts && !all.status; part++) all.status = run(context, part);
  omp_set_num_threads(threads);
  return all.status;
}

typedef struct {
  int transpose_a, transpose_b, parts;
  int64_t m, n, k, lda, ldb, ldc;
  float alpha, beta;
  const float *a, *b;
  float *c;
} Product;

// Rows or columns of the result, whichever are more; parts begin at whole blocks of the kernels.
static int product_part(void *context, int part) {
  const Product *p = context;
  int by_rows = p->m >= p->n;
  int64_t length = by_rows ? p->m : p->n, block = by_rows ? 8 : 48, blocks = (length + block - 1) / block;
  int64_t first = blocks * part / p->parts * block, last = blocks * (part + 1) / p->parts * block;
  if (last > length) last = length;
  if (first >= last) return 0;
  const float *a = by_rows ? p->a + first * (p->transpose_a ? 1 : p->lda) : p->a;
  const float *b = by_rows ? p->b : p->b + first * (p->transpose_b ? p->ldb : 1);
  return (int)dnnl_sgemm(
      p->transpose_a ? 'T' : 'N', p->transpose_b ? 'T' : 'N', by_rows ? last - first : p->m,
      by_rows ? p->n : last - first, p->k, p->alpha, a, p->lda, b, p->ldb, p->beta,
      p->c + first * (by_rows ? p->ldc : 1), p->ldc);
}

int dn_sgemm(
    int transpose_a, int transpose_b, int64_t m, int64_t n, int64_t k, float alpha, const float *a, int64_t lda,
    const float *b, int64_t ldb, float beta, float *c, int64_t ldc) {
  double products = (double)m * (double)n * (double)k;
  // Below, a second thread costs more than it gives.
  int parts = products < 8e6 ? 1 : products < 128e6 ? 4 : 8;
  Product product = {transpose_a, transpose_b, parts, m, n, k, lda, ldb, ldc, alpha, beta, a, b, c};
  return run_parts(parts, product_part, &product);
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

// ---- layouts ----

static dnnl_data_type_t type_of(enum dn_type type) { return type == DN_BF16 ? dnnl_bf16 : dnnl_f32; }

static int with_strides(dn_layout **out, int rank, const int64_t *dims, enum dn_type type, const int64_t *strides) {
  *out = calloc(1, sizeof **out);
  if (!*out) return dnnl_out_of_memory;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_status_t status = dnnl_memory_desc_create_with_strides(&(*out)->desc, rank, dims, type_of(type), strides);
#else
  dnnl_status_t status = dnnl_memory_desc_init_by_strides(&(*out)->desc, rank, dims, type_of(type), strides);
#endif
  if (status != dnnl_success) {
    free(*out);
    *out = NULL;
  }
  return (int)status;
}

int dn_layout_plain(dn_layout **out, int rank, const int64_t *dims, enum dn_type type) {
  int64_t strides[8];
  for (int64_t i = rank - 1, step = 1; i >= 0; step *= dims[i--]) strides[i] = step;
  return with_strides(out, rank, dims, type, strides);
}

int dn_layout_transposed(dn_layout **out, const int64_t *dims, enum dn_type type) {
  int64_t strides[2] = {1, dims[0]};
  return with_strides(out, 2, dims, type, strides);
}

static int with_tag(dn_layout **out, int rank, const int64_t *dims, enum dn_type type, dnnl_format_tag_t tag) {
  *out = calloc(1, sizeof **out);
  if (!*out) return dnnl_out_of_memory;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_status_t status = dnnl_memory_desc_create_with_tag(&(*out)->desc, rank, dims, type_of(type), tag);
#else
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&(*out)->desc, rank, dims, type_of(type), tag);
#endif
  if (status != dnnl_success) {
    free(*out);
    *out = NULL;
  }
  return (int)status;
}

static int any_layout(dn_layout **out, int rank, const int64_t *dims, enum dn_type type) {
  return with_tag(out, rank, dims, type, dnnl_format_tag_any);
}

int dn_layout_blocked(dn_layout **out, const int64_t *dims, int block) {
  return with_tag(out, 4, dims, DN_F32, block == 8 ? dnnl_nChw8c : dnnl_nChw16c);
}

static dn_layout *copied(Desc desc) {
  dn_layout *layout = calloc(1, sizeof *layout);
  if (!layout) return NULL;
#if DNNL_VERSION_MAJOR >= 3
  if (dnnl_memory_desc_clone(&layout->desc, desc) != dnnl_success) {
    free(layout);
    return NULL;
  }
#else
  layout->desc = *desc;
#endif
  return layout;
}

void dn_layout_destroy(dn_layout *layout) {
  if (!layout) return;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_memory_desc_destroy(layout->desc);
#endif
  free(layout);
}

int dn_layout_equal(const dn_layout *a, const dn_layout *b) { return dnnl_memory_desc_equal(DESC(a), DESC(b)); }
size_t dn_layout_bytes(const dn_layout *layout) { return dnnl_memory_desc_get_size(DESC(layout)); }

enum dn_type dn_layout_type(const dn_layout *layout) {
#if DNNL_VERSION_MAJOR >= 3
  dnnl_data_type_t type = dnnl_f32;
  dnnl_memory_desc_query(layout->desc, dnnl_query_data_type, &type);
  return type == dnnl_bf16 ? DN_BF16 : DN_F32;
#else
  return layout->desc.data_type == dnnl_bf16 ? DN_BF16 : DN_F32;
#endif
}

int dn_layout_dims(const dn_layout *layout, int64_t *dims) {
#if DNNL_VERSION_MAJOR >= 3
  int rank = 0;
  const dnnl_dims_t *found = NULL;
  dnnl_memory_desc_query(layout->desc, dnnl_query_ndims_s32, &rank);
  dnnl_memory_desc_query(layout->desc, dnnl_query_dims, &found);
  memcpy(dims, *found, (size_t)rank * sizeof *dims);
  return rank;
#else
  memcpy(dims, layout->desc.dims, (size_t)layout->desc.ndims * sizeof *dims);
  return layout->desc.ndims;
#endif
}

int64_t dn_layout_lanes(const dn_layout *layout) {
  int64_t dims[12], points = 1;
  int rank = dn_layout_dims(layout, dims), blocks = 0;
  if (rank < 2) return 0;
#if DNNL_VERSION_MAJOR >= 3
  const dnnl_dims_t *strides = NULL, *sizes = NULL, *axes = NULL;
  dnnl_memory_desc_query(layout->desc, dnnl_query_strides, &strides);
  dnnl_memory_desc_query(layout->desc, dnnl_query_inner_nblks_s32, &blocks);
  dnnl_memory_desc_query(layout->desc, dnnl_query_inner_blks, &sizes);
  dnnl_memory_desc_query(layout->desc, dnnl_query_inner_idxs, &axes);
  if (!strides || !sizes || !axes) return 0;
  const int64_t *step = *strides, *size = *sizes, *axis = *axes;
#else
  if (layout->desc.format_kind != dnnl_blocked) return 0;
  const dnnl_blocking_desc_t *blocking = &layout->desc.format_desc.blocking;
  const int64_t *step = blocking->strides, *size = blocking->inner_blks, *axis = blocking->inner_idxs;
  blocks = blocking->inner_nblks;
#endif
  if (blocks > 1 || (blocks == 1 && axis[0] != 1)) return 0;
  int last = rank == 2 || step[1] == 1;  // whether channels come last
  int64_t lanes = blocks ? size[0] : last ? dims[1] : 1;
  if (lanes < 1 || dims[1] % lanes) return 0;
  for (int i = rank - 1; i >= 2; points *= dims[i--])
    if (dims[i] != 1 && step[i] != points * lanes) return 0;
  if (dims[1] != lanes && step[1] != points * lanes) return 0;
  if (dims[0] != 1 && step[0] != points * dims[1]) return 0;
  return lanes;
}

int dn_layout_first_rows(dn_layout **out, const dn_layout *whole, int64_t rows) {
  int64_t dims[12], offsets[12] = {0};
  dn_layout_dims(whole, dims);
  dims[0] = rows;
  *out = calloc(1, sizeof **out);
  if (!*out) return dnnl_out_of_memory;
#if DNNL_VERSION_MAJOR >= 3
  dnnl_status_t status = dnnl_memory_desc_create_submemory(&(*out)->desc, whole->desc, dims, offsets);
#else
  dnnl_status_t status = dnnl_memory_desc_init_submemory(&(*out)->desc, &whole->desc, dims, offsets);
#endif
  if (status != dnnl_success) {
    free(*out);
    *out = NULL;
  }
  return (int)status;
}

// ---- kernels ----

struct dn_kernel {
  dnnl_primitive_t primitive;
  dnnl_stream_t stream;
  int arguments[DN_OPERANDS];  // DNNL_ARG_…, 0 for none
  dnnl_memory_t memory[DN_OPERANDS];
  dn_layout *layouts[DN_OPERANDS];
  dnnl_memory_t scratch, workspace;
  void *scratch_bytes;
  size_t workspace_size;
};

void dn_destroy(dn_kernel *kernel) {
  if (!kernel) return;
  for (int i = 0; i < DN_OPERANDS; i++) {
    if (kernel->memory[i]) dnnl_memory_destroy(kernel->memory[i]);
    dn_layout_destroy(kernel->layouts[i]);
  }
  if (kernel->scratch) dnnl_memory_destroy(kernel->scratch);
  if (kernel->workspace) dnnl_memory_destroy(kernel->workspace);
  if (kernel->primitive) dnnl_primitive_destroy(kernel->primitive);
  if (kernel->stream) dnnl_stream_destroy(kernel->stream);
  free(kernel->scratch_bytes);
  free(kernel);
}

dn_layout *dn_kernel_layout(const dn_kernel *kernel, enum dn_operand operand) {
  return kernel->layouts[operand] ? copied(DESC(kernel->layouts[operand])) : NULL;
}
size_t dn_kernel_workspace(const dn_kernel *kernel) { return kernel->workspace_size; }

static void *aligned_bytes(size_t size) {
  void *bytes = NULL;
  return posix_memalign(&bytes, 64, size ? (size + 63) / 64 * 64 : 64) == 0 ? bytes : NULL;
}

static int add(dn_kernel *kernel, enum dn_operand operand, int argument, Desc desc) {
  kernel->arguments[operand] = argument;
  kernel->layouts[operand] = copied(desc);
  if (!kernel->layouts[operand]) return dnnl_out_of_memory;
  return (int)dnnl_memory_create(&kernel->memory[operand], desc, engine(), DNNL_MEMORY_NONE);
}

static int add_queried(
    dn_kernel *kernel, const_dnnl_primitive_desc_t pd, enum dn_operand operand, int argument, dnnl_query_t query,
    int index) {
  return add(kernel, operand, argument, dnnl_primitive_desc_query_md(pd, query, index));
}

// Scratch memory is the kernel's, not the library's: two kernels then never share it.
static int finish(dn_kernel *kernel, const_dnnl_primitive_desc_t pd) {
  TRY(dnnl_stream_create(&kernel->stream, engine(), dnnl_stream_default_flags));
  Desc scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
  size_t size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
  if (size) {
    kernel->scratch_bytes = aligned_bytes(size);
    if (!kernel->scratch_bytes) return dnnl_out_of_memory;
    TRY(dnnl_memory_create(&kernel->scratch, scratch, engine(), kernel->scratch_bytes));
  }
  TRY(dnnl_primitive_create(&kernel->primitive, pd));
  return 0;
}

static int add_workspace(dn_kernel *kernel, const_dnnl_primitive_desc_t pd) {
  Desc workspace = dnnl_primitive_desc_query_md(pd, dnnl_query_workspace_md, 0);
  kernel->workspace_size = workspace ? dnnl_memory_desc_get_size(workspace) : 0;
  if (!kernel->workspace_size) return 0;
  return (int)dnnl_memory_create(&kernel->workspace, workspace, engine(), DNNL_MEMORY_NONE);
}

static int attributes(dnnl_primitive_attr_t *attr, const dn_product_options *options) {
  TRY(dnnl_primitive_attr_create(attr));
  TRY(dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user));
  if (!options || (!options->relu && !options->sum)) return 0;
  dnnl_post_ops_t ops;
  TRY(dnnl_post_ops_create(&ops));
  dnnl_status_t status = dnnl_success;
#if DNNL_VERSION_MAJOR >= 3
  if (options->sum) status = dnnl_post_ops_append_sum(ops, 1, 0, dnnl_data_type_undef);
  if (options->relu && status == dnnl_success) status = dnnl_post_ops_append_eltwise(ops, dnnl_eltwise_relu, 0, 0);
#else
  if (options->sum) status = dnnl_post_ops_append_sum(ops, 1);
  if (options->relu && status == dnnl_success) status = dnnl_post_ops_append_eltwise(ops, 1, dnnl_eltwise_relu, 0, 0);
#endif
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*attr, ops);
  dnnl_post_ops_destroy(ops);
  return (int)status;
}

int dn_run(dn_kernel *kernel, void *const memory[DN_OPERANDS], void *workspace) {
  dnnl_exec_arg_t arguments[DN_OPERANDS + 2];
  int count = 0;
  for (int i = 0; i < DN_OPERANDS; i++) {
    if (!kernel->arguments[i]) continue;
    TRY(dnnl_memory_set_data_handle(kernel->memory[i], memory[i]));
    arguments[count++] = (dnnl_exec_arg_t){kernel->arguments[i], kernel->memory[i]};
  }
  if (kernel->scratch) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, kernel->scratch};
  if (kernel->workspace) {
    TRY(dnnl_memory_set_data_handle(kernel->workspace, workspace));
    arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_WORKSPACE, kernel->workspace};
  }
  TRY(dnnl_primitive_execute(kernel->primitive, kernel->stream, count, arguments));
  return (int)dnnl_stream_wait(kernel->stream);
}

typedef struct {
  dn_kernel *const *kernels;
  void *const *const *memory;
} KernelParts;

static int kernel_part(void *context, int part) {
  const KernelParts *parts = context;
  return dn_run(parts->kernels[part], parts->memory[part], NULL);
}

int dn_run_parts(dn_kernel *const *kernels, void *const *const *memory, int count) {
  KernelParts parts = {kernels, memory};
  return run_parts(count, kernel_part, &parts);
}

// What making a kernel holds on the way.
typedef struct {
  dn_kernel *kernel;
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd, hint;
} Making;

static int begin(Making *making, const dn_product_options *options) {
  *making = (Making){0};
  if (!engine()) return dnnl_runtime_error;
  making->kernel = calloc(1, sizeof *making->kernel);
  if (!making->kernel) return dnnl_out_of_memory;
  return attributes(&making->attr, options);
}

static int end(Making *making, int status, dn_kernel **out) {
  if (!status) status = finish(making->kernel, making->pd);
  if (making->pd) dnnl_primitive_desc_destroy(making->pd);
  if (making->hint) dnnl_primitive_desc_destroy(making->hint);
  if (making->attr) dnnl_primitive_attr_destroy(making->attr);
  if (status) dn_destroy(making->kernel);
  *out = status ? NULL : making->kernel;
  return status;
}

int dn_reorder(dn_kernel **out, const dn_layout *from, const dn_layout *to) {
  Making m;
  int status = begin(&m, NULL);
  if (!status)
    status = (int)dnnl_reorder_primitive_desc_create(&m.pd, DESC(from), engine(), DESC(to), engine(), m.attr);
  if (!status) status = add(m.kernel, DN_X, DNNL_ARG_FROM, DESC(from));
  if (!status) status = add(m.kernel, DN_Y, DNNL_ARG_TO, DESC(to));
  return end(&m, status, out);
}

// ---- convolution ----

typedef struct {
  dnnl_dim_t x[5], w[6], b[1], y[5], strides[3], dilations[3], pad_begin[3], pad_end[3];
  int rank, w_rank;
} Dims;

static Dims dims_of(const dn_convolution_shape *s) {
  const struct {
    dnnl_dim_t in, out, kernel, stride, dilation, begin, end;
  } axes[3] = {
      {s->in_depth, s->out_depth, s->kernel_depth, s->stride_depth, s->dilation_depth, s->pad_front, s->pad_back},
      {s->in_height, s->out_height, s->kernel_height, s->stride_height, s->dilation_height, s->pad_top, s->pad_bottom},
      {s->in_width, s->out_width, s->kernel_width, s->stride_width, s->dilation_width, s->pad_left, s->pad_right},
  };
  Dims d = {.x = {s->batch, s->in_channels}, .b = {s->out_channels}, .y = {s->batch, s->out_channels}, .rank = 2};
  if (s->groups > 1) d.w[d.w_rank++] = s->groups;
  d.w[d.w_rank++] = s->out_channels / s->groups;
  d.w[d.w_rank++] = s->in_channels / s->groups;
  for (int axis = s->volume ? 0 : 1, i = 0; axis < 3; axis++, i++) {
    d.w[d.w_rank++] = axes[axis].kernel;
    d.x[d.rank] = axes[axis].in;
    d.y[d.rank++] = axes[axis].out;
    d.strides[i] = axes[axis].stride;
    d.dilations[i] = axes[axis].dilation - 1;
    d.pad_begin[i] = axes[axis].begin;
    d.pad_end[i] = axes[axis].end;
  }
  return d;
}

static int convolution_pd(
    dnnl_primitive_desc_t *pd, enum dn_direction direction, const Dims *d, const dn_product_options *options,
    const dn_layout *given_x, const dn_layout *given_y, dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint) {
  dn_layout *x = NULL, *w = NULL, *b = NULL, *y = NULL;
  enum dn_type type = options->type;
  int exact_w = direction == DN_BACKWARD_WEIGHTS && options->with_w_gradient_f32;
  int status = given_x ? 0 : any_layout(&x, d->rank, d->x, type);
  if (!status) status = any_layout(&w, d->w_rank, d->w, exact_w ? DN_F32 : type);
  if (!status) status = dn_layout_plain(&b, 1, d->b, DN_F32);
  if (!status) status = given_y ? 0 : any_layout(&y, d->rank, d->y, type);
  if (!status) {
    Desc dx = given_x ? DESC(given_x) : DESC(x), dy = given_y ? DESC(given_y) : DESC(y), dw = DESC(w);
    Desc db = options->bias ? DESC(b) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    if (direction == DN_FORWARD)
      status = (int)dnnl_convolution_forward_primitive_desc_create(
          pd, engine(), dnnl_forward_training, dnnl_convolution_direct, dx, dw, db, dy, d->strides, d->dilations,
          d->pad_begin, d->pad_end, attr);
    else if (direction == DN_BACKWARD_DATA)
      status = (int)dnnl_convolution_backward_data_primitive_desc_create(
          pd, engine(), dnnl_convolution_direct, dx, dw, dy, d->strides, d->dilations, d->pad_begin, d->pad_end, hint,
          attr);
    else
      status = (int)dnnl_convolution_backward_weights_primitive_desc_create(
          pd, engine(), dnnl_convolution_direct, dx, dw, db, dy, d->strides, d->dilations, d->pad_begin, d->pad_end,
          hint, attr);
#else
    dnnl_convolution_desc_t desc;
    if (direction == DN_FORWARD)
      status = (int)dnnl_dilated_convolution_forward_desc_init(
          &desc, dnnl_forward_training, dnnl_convolution_direct, dx, dw, db, dy, d->strides, d->dilations,
          d->pad_begin, d->pad_end);
    else if (direction == DN_BACKWARD_DATA)
      status = (int)dnnl_dilated_convolution_backward_data_desc_init(
          &desc, dnnl_convolution_direct, dx, dw, dy, d->strides, d->dilations, d->pad_begin, d->pad_end);
    else
      status = (int)dnnl_dilated_convolution_backward_weights_desc_init(
          &desc, dnnl_convolution_direct, dx, dw, db, dy, d->strides, d->dilations, d->pad_begin, d->pad_end);
    if (!status) status = (int)dnnl_primitive_desc_create(pd, &desc, attr, engine(), hint);
#endif
  }
  dn_layout_destroy(x);
  dn_layout_destroy(w);
  dn_layout_destroy(b);
  dn_layout_destroy(y);
  return status;
}

int dn_convolution(
    dn_kernel **out, enum dn_direction direction, const dn_convolution_shape *shape, const dn_product_options *options,
    const dn_layout *x, const dn_layout *y) {
  Dims d = dims_of(shape);
  dn_product_options plain = *options;
  plain.relu = plain.sum = 0;
  int forward = direction == DN_FORWARD, data = direction == DN_BACKWARD_DATA;
  if (data) plain.bias = 0;
  Making m;
  int status = begin(&m, forward ? options : NULL);
  if (!status && !forward) status = convolution_pd(&m.hint, DN_FORWARD, &d, &plain, NULL, NULL, NULL, NULL);
  if (!status) status = convolution_pd(&m.pd, direction, &d, &plain, x, y, m.attr, m.hint);
  if (!status)
    status = add_queried(
        m.kernel, m.pd, DN_X, data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, data ? dnnl_query_diff_src_md : dnnl_query_src_md,
        0);
  if (!status)
    status = add_queried(
        m.kernel, m.pd, DN_W, forward || data ? DNNL_ARG_WEIGHTS : DNNL_ARG_DIFF_WEIGHTS,
        forward || data ? dnnl_query_weights_md : dnnl_query_diff_weights_md, 0);
  if (!status)
    status = add_queried(
        m.kernel, m.pd, DN_Y, forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
        forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md, 0);
  if (!status && plain.bias)
    status = add_queried(
        m.kernel, m.pd, DN_BIAS, forward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS,
        forward ? dnnl_query_weights_md : dnnl_query_diff_weights_md, 1);
  return end(&m, status, out);
}

// ---- products of matrices ----

int dn_matmul(dn_kernel **out, int64_t m, int64_t n, int64_t k, const dn_product_options *options) {
  dn_layout *x = NULL, *w = NULL, *b = NULL, *y = NULL;
  const int64_t x_dims[2] = {m, k}, w_dims[2] = {k, n}, b_dims[2] = {1, n}, y_dims[2] = {m, n};
  Making making;
  int status = begin(&making, options);
  if (!status) status = dn_layout_plain(&x, 2, x_dims, options->type);
  if (!status) status = any_layout(&w, 2, w_dims, options->type);
  if (!status) status = dn_layout_plain(&b, 2, b_dims, DN_F32);
  if (!status) status = dn_layout_plain(&y, 2, y_dims, DN_F32);
  if (!status) {
    Desc bias = options->bias ? DESC(b) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    status = (int)dnnl_matmul_primitive_desc_create(
        &making.pd, engine(), DESC(x), DESC(w), bias, DESC(y), making.attr);
#else
    dnnl_matmul_desc_t desc;
    status = (int)dnnl_matmul_desc_init(&desc, DESC(x), DESC(w), bias, DESC(y));
    if (!status) status = (int)dnnl_primitive_desc_create(&making.pd, &desc, making.attr, engine(), NULL);
#endif
  }
  if (!status) status = add_queried(making.kernel, making.pd, DN_X, DNNL_ARG_SRC, dnnl_query_src_md, 0);
  if (!status) status = add_queried(making.kernel, making.pd, DN_W, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0);
  if (!status) status = add_queried(making.kernel, making.pd, DN_Y, DNNL_ARG_DST, dnnl_query_dst_md, 0);
  if (!status && options->bias)
    status = add_queried(making.kernel, making.pd, DN_BIAS, DNNL_ARG_BIAS, dnnl_query_weights_md, 1);
  dn_layout_destroy(x);
  dn_layout_destroy(w);
  dn_layout_destroy(b);
  dn_layout_destroy(y);
  return end(&making, status, out);
}

int dn_product(
    dn_kernel **out, int64_t m, int64_t n, int64_t k, int transpose_x, int transpose_w, int accumulate) {
  dn_product_options options = {.type = DN_F32, .sum = accumulate};
  const int64_t x_dims[2] = {m, k}, w_dims[2] = {k, n}, y_dims[2] = {m, n};
  dn_layout *x = NULL, *w = NULL, *y = NULL;
  Making making;
  int status = begin(&making, &options);
  if (!status) status = transpose_x ? dn_layout_transposed(&x, x_dims, DN_F32) : dn_layout_plain(&x, 2, x_dims, DN_F32);
  if (!status) status = transpose_w ? dn_layout_transposed(&w, w_dims, DN_F32) : dn_layout_plain(&w, 2, w_dims, DN_F32);
  if (!status) status = dn_layout_plain(&y, 2, y_dims, DN_F32);
  if (!status) {
#if DNNL_VERSION_MAJOR >= 3
    status = (int)dnnl_matmul_primitive_desc_create(&making.pd, engine(), DESC(x), DESC(w), NULL, DESC(y), making.attr);
#else
    dnnl_matmul_desc_t desc;
    status = (int)dnnl_matmul_desc_init(&desc, DESC(x), DESC(w), NULL, DESC(y));
    if (!status) status = (int)dnnl_primitive_desc_create(&making.pd, &desc, making.attr, engine(), NULL);
#endif
  }
  if (!status) status = add_queried(making.kernel, making.pd, DN_X, DNNL_ARG_SRC, dnnl_query_src_md, 0);
  if (!status) status = add_queried(making.kernel, making.pd, DN_W, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0);
  if (!status) status = add_queried(making.kernel, making.pd, DN_Y, DNNL_ARG_DST, dnnl_query_dst_md, 0);
  dn_layout_destroy(x);
  dn_layout_destroy(w);
  dn_layout_destroy(y);
  return end(&making, status, out);
}

// ---- pooling ----

static int pooling_pd(
    dnnl_primitive_desc_t *pd, int forward, int training, enum dn_pooling_kind kind, const dn_convolution_shape *s, Desc x, Desc y,
    dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint) {
  Dims d = dims_of(s);
  dnnl_dim_t window[2] = {s->kernel_height, s->kernel_width};
  dnnl_prop_kind_t prop = training ? dnnl_forward_training : dnnl_forward_inference;
  dnnl_alg_kind_t algorithm = kind == DN_MAX                          ? dnnl_pooling_max
                              : kind == DN_AVERAGE_INCLUDING_PADDING ? dnnl_pooling_avg_include_padding
                                                                     : dnnl_pooling_avg_exclude_padding;
#if DNNL_VERSION_MAJOR >= 3
  if (forward)
    return (int)dnnl_pooling_forward_primitive_desc_create(
        pd, engine(), prop, algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end,
        attr);
  return (int)dnnl_pooling_backward_primitive_desc_create(
      pd, engine(), algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end, hint, attr);
#else
  dnnl_pooling_v2_desc_t desc;
  if (forward)
    TRY(dnnl_pooling_v2_forward_desc_init(
        &desc, prop, algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end));
  else
    TRY(dnnl_pooling_v2_backward_desc_init(
        &desc, algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end));
  return (int)dnnl_primitive_desc_create(pd, &desc, attr, engine(), hint);
#endif
}

int dn_pooling(
    dn_kernel **out, enum dn_direction direction, enum dn_pooling_kind kind, const dn_convolution_shape *shape,
    const dn_layout *layout, int backward_follows) {
  int forward = direction == DN_FORWARD;
  Dims d = dims_of(shape);
  dn_layout *any = NULL, *y = NULL;
  Making m;
  int status = begin(&m, NULL);
  if (!status) status = any_layout(&any, 4, d.y, dn_layout_type(layout));
  dnnl_primitive_desc_t first = NULL;
  if (!status)
    status = pooling_pd(&first, 1, !forward || backward_follows, kind, shape, DESC(layout), DESC(any), forward ? m.attr : NULL, NULL);
  if (!status) {
    if (forward) {
      m.pd = first;
    } else {
      m.hint = first;
      y = copied(dnnl_primitive_desc_query_md(first, dnnl_query_dst_md, 0));
      status = y ? pooling_pd(&m.pd, 0, 1, kind, shape, DESC(layout), DESC(y), m.attr, m.hint) : dnnl_out_of_memory;
    }
  }
  if (!status)
    status = add_queried(
        m.kernel, m.pd, DN_X, forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_SRC,
        forward ? dnnl_query_src_md : dnnl_query_diff_src_md, 0);
  if (!status)
    status = add_queried(
        m.kernel, m.pd, DN_Y, forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
        forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md, 0);
  if (!status && kind == DN_MAX && (!forward || backward_follows)) status = add_workspace(m.kernel, m.pd);
  dn_layout_destroy(any);
  dn_layout_destroy(y);
  return end(&m, status, out);
}
