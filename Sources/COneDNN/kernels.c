// How every kernel is made, run and destroyed. A reorder is nothing else.
#include <stdlib.h>

#include "internal.h"

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
  return kernel->layouts[operand] ? dn_layout_copied(DESC(kernel->layouts[operand])) : NULL;
}
size_t dn_kernel_workspace(const dn_kernel *kernel) { return kernel->workspace_size; }

static void *aligned_bytes(size_t size) {
  void *bytes = NULL;
  return posix_memalign(&bytes, 64, size ? (size + 63) / 64 * 64 : 64) == 0 ? bytes : NULL;
}

static int add(dn_kernel *kernel, enum dn_operand operand, int argument, Desc desc) {
  kernel->arguments[operand] = argument;
  kernel->layouts[operand] = dn_layout_copied(desc);
  if (!kernel->layouts[operand]) return dnnl_out_of_memory;
  return (int)dnnl_memory_create(&kernel->memory[operand], desc, dn_engine(), DNNL_MEMORY_NONE);
}

int dn_add_queried(
    dn_kernel *kernel, const_dnnl_primitive_desc_t pd, enum dn_operand operand, int argument, dnnl_query_t query,
    int index) {
  return add(kernel, operand, argument, dnnl_primitive_desc_query_md(pd, query, index));
}

// Scratch memory is the kernel's, not the library's: two kernels then never share it.
static int finish(dn_kernel *kernel, const_dnnl_primitive_desc_t pd) {
  TRY(dnnl_stream_create(&kernel->stream, dn_engine(), dnnl_stream_default_flags));
  Desc scratch = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
  size_t size = scratch ? dnnl_memory_desc_get_size(scratch) : 0;
  if (size) {
    kernel->scratch_bytes = aligned_bytes(size);
    if (!kernel->scratch_bytes) return dnnl_out_of_memory;
    TRY(dnnl_memory_create(&kernel->scratch, scratch, dn_engine(), kernel->scratch_bytes));
  }
  TRY(dnnl_primitive_create(&kernel->primitive, pd));
  return 0;
}

int dn_add_workspace(dn_kernel *kernel, const_dnnl_primitive_desc_t pd) {
  Desc workspace = dnnl_primitive_desc_query_md(pd, dnnl_query_workspace_md, 0);
  kernel->workspace_size = workspace ? dnnl_memory_desc_get_size(workspace) : 0;
  if (!kernel->workspace_size) return 0;
  return (int)dnnl_memory_create(&kernel->workspace, workspace, dn_engine(), DNNL_MEMORY_NONE);
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
  return dn_in_parts(count, kernel_part, &parts);
}

int dn_begin(Making *making, const dn_product_options *options) {
  *making = (Making){0};
  if (!dn_engine()) return dnnl_runtime_error;
  making->kernel = calloc(1, sizeof *making->kernel);
  if (!making->kernel) return dnnl_out_of_memory;
  return attributes(&making->attr, options);
}

int dn_end(Making *making, int status, dn_kernel **out) {
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
  int status = dn_begin(&m, NULL);
  if (!status)
    status = (int)dnnl_reorder_primitive_desc_create(&m.pd, DESC(from), dn_engine(), DESC(to), dn_engine(), m.attr);
  if (!status) status = add(m.kernel, DN_X, DNNL_ARG_FROM, DESC(from));
  if (!status) status = add(m.kernel, DN_Y, DNNL_ARG_TO, DESC(to));
  return dn_end(&m, status, out);
}
