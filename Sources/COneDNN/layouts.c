// How numbers lie in memory.
#include <stdlib.h>
#include <string.h>

#include "internal.h"

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

int dn_layout_any(dn_layout **out, int rank, const int64_t *dims, enum dn_type type) {
  return with_tag(out, rank, dims, type, dnnl_format_tag_any);
}

int dn_layout_blocked(dn_layout **out, const int64_t *dims, int block) {
  return with_tag(out, 4, dims, DN_F32, block == 8 ? dnnl_nChw8c : dnnl_nChw16c);
}

dn_layout *dn_layout_copied(Desc desc) {
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
