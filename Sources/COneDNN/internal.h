// The part that the shim's files share. Nothing here is for callers.
#pragma once

#include <dnnl.h>
#include <dnnl_version.h>

#include "dither_onednn.h"

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

// ---- library.c ----

// The one CPU engine; NULL where there is none.
dnnl_engine_t dn_engine(void);

// ---- parts.c ----

// Runs the parts on the calling thread's OpenMP threads, each part on one. Returns 0, or a status of one that failed.
int dn_in_parts(int parts, int (*run)(void *context, int part), void *context);

// ---- layouts.c ----

// Whatever a kernel likes best.
int dn_layout_any(dn_layout **out, int rank, const int64_t *dims, enum dn_type type);
// NULL where no memory is left.
dn_layout *dn_layout_copied(Desc desc);

// ---- kernels.c ----

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

// All that making a kernel holds on the way.
typedef struct {
  dn_kernel *kernel;
  dnnl_primitive_attr_t attr;
  dnnl_primitive_desc_t pd, hint;
} Making;

// Begins a kernel; `dn_end` follows, whatever became of it.
int dn_begin(Making *making, const dn_product_options *options);
// Gives the kernel, or NULL and destroys it where `status` is not 0. Frees what making it took.
int dn_end(Making *making, int status, dn_kernel **out);
// Adds an operand with the layout that the kernel has chosen for it.
int dn_add_queried(
    dn_kernel *kernel, const_dnnl_primitive_desc_t pd, enum dn_operand operand, int argument, dnnl_query_t query,
    int index);
// Room for what forward keeps for backward, where it keeps any.
int dn_add_workspace(dn_kernel *kernel, const_dnnl_primitive_desc_t pd);
