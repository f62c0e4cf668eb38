// Products of matrices.
#include "internal.h"

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
  return dn_in_parts(parts, product_part, &product);
}

int dn_matmul(dn_kernel **out, int64_t m, int64_t n, int64_t k, const dn_product_options *options) {
  dn_layout *x = NULL, *w = NULL, *b = NULL, *y = NULL;
  const int64_t x_dims[2] = {m, k}, w_dims[2] = {k, n}, b_dims[2] = {1, n}, y_dims[2] = {m, n};
  Making making;
  int status = dn_begin(&making, options);
  if (!status) status = dn_layout_plain(&x, 2, x_dims, options->type);
  if (!status) status = dn_layout_any(&w, 2, w_dims, options->type);
  if (!status) status = dn_layout_plain(&b, 2, b_dims, DN_F32);
  if (!status) status = dn_layout_plain(&y, 2, y_dims, DN_F32);
  if (!status) {
    Desc bias = options->bias ? DESC(b) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    status = (int)dnnl_matmul_primitive_desc_create(
        &making.pd, dn_engine(), DESC(x), DESC(w), bias, DESC(y), making.attr);
#else
    dnnl_matmul_desc_t desc;
    status = (int)dnnl_matmul_desc_init(&desc, DESC(x), DESC(w), bias, DESC(y));
    if (!status) status = (int)dnnl_primitive_desc_create(&making.pd, &desc, making.attr, dn_engine(), NULL);
#endif
  }
  if (!status) status = dn_add_queried(making.kernel, making.pd, DN_X, DNNL_ARG_SRC, dnnl_query_src_md, 0);
  if (!status) status = dn_add_queried(making.kernel, making.pd, DN_W, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0);
  if (!status) status = dn_add_queried(making.kernel, making.pd, DN_Y, DNNL_ARG_DST, dnnl_query_dst_md, 0);
  if (!status && options->bias)
    status = dn_add_queried(making.kernel, making.pd, DN_BIAS, DNNL_ARG_BIAS, dnnl_query_weights_md, 1);
  dn_layout_destroy(x);
  dn_layout_destroy(w);
  dn_layout_destroy(b);
  dn_layout_destroy(y);
  return dn_end(&making, status, out);
}

int dn_product(
    dn_kernel **out, int64_t m, int64_t n, int64_t k, int transpose_x, int transpose_w, int accumulate) {
  dn_product_options options = {.type = DN_F32, .sum = accumulate};
  const int64_t x_dims[2] = {m, k}, w_dims[2] = {k, n}, y_dims[2] = {m, n};
  dn_layout *x = NULL, *w = NULL, *y = NULL;
  Making making;
  int status = dn_begin(&making, &options);
  if (!status) status = transpose_x ? dn_layout_transposed(&x, x_dims, DN_F32) : dn_layout_plain(&x, 2, x_dims, DN_F32);
  if (!status) status = transpose_w ? dn_layout_transposed(&w, w_dims, DN_F32) : dn_layout_plain(&w, 2, w_dims, DN_F32);
  if (!status) status = dn_layout_plain(&y, 2, y_dims, DN_F32);
  if (!status) {
#if DNNL_VERSION_MAJOR >= 3
    status = (int)dnnl_matmul_primitive_desc_create(
        &making.pd, dn_engine(), DESC(x), DESC(w), NULL, DESC(y), making.attr);
#else
    dnnl_matmul_desc_t desc;
    status = (int)dnnl_matmul_desc_init(&desc, DESC(x), DESC(w), NULL, DESC(y));
    if (!status) status = (int)dnnl_primitive_desc_create(&making.pd, &desc, making.attr, dn_engine(), NULL);
#endif
  }
  if (!status) status = dn_add_queried(making.kernel, making.pd, DN_X, DNNL_ARG_SRC, dnnl_query_src_md, 0);
  if (!status) status = dn_add_queried(making.kernel, making.pd, DN_W, DNNL_ARG_WEIGHTS, dnnl_query_weights_md, 0);
  if (!status) status = dn_add_queried(making.kernel, making.pd, DN_Y, DNNL_ARG_DST, dnnl_query_dst_md, 0);
  dn_layout_destroy(x);
  dn_layout_destroy(w);
  dn_layout_destroy(y);
  return dn_end(&making, status, out);
}
