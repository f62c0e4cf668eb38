// Ops that move a window over images: convolution and pooling.
#include "internal.h"

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
  int status = given_x ? 0 : dn_layout_any(&x, d->rank, d->x, type);
  if (!status) status = dn_layout_any(&w, d->w_rank, d->w, exact_w ? DN_F32 : type);
  if (!status) status = dn_layout_plain(&b, 1, d->b, DN_F32);
  if (!status) status = given_y ? 0 : dn_layout_any(&y, d->rank, d->y, type);
  if (!status) {
    Desc dx = given_x ? DESC(given_x) : DESC(x), dy = given_y ? DESC(given_y) : DESC(y), dw = DESC(w);
    Desc db = options->bias ? DESC(b) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    if (direction == DN_FORWARD)
      status = (int)dnnl_convolution_forward_primitive_desc_create(
          pd, dn_engine(), dnnl_forward_training, dnnl_convolution_direct, dx, dw, db, dy, d->strides, d->dilations,
          d->pad_begin, d->pad_end, attr);
    else if (direction == DN_BACKWARD_DATA)
      status = (int)dnnl_convolution_backward_data_primitive_desc_create(
          pd, dn_engine(), dnnl_convolution_direct, dx, dw, dy, d->strides, d->dilations, d->pad_begin, d->pad_end,
          hint, attr);
    else
      status = (int)dnnl_convolution_backward_weights_primitive_desc_create(
          pd, dn_engine(), dnnl_convolution_direct, dx, dw, db, dy, d->strides, d->dilations, d->pad_begin, d->pad_end,
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
    if (!status) status = (int)dnnl_primitive_desc_create(pd, &desc, attr, dn_engine(), hint);
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
  int status = dn_begin(&m, forward ? options : NULL);
  if (!status && !forward) status = convolution_pd(&m.hint, DN_FORWARD, &d, &plain, NULL, NULL, NULL, NULL);
  if (!status) status = convolution_pd(&m.pd, direction, &d, &plain, x, y, m.attr, m.hint);
  if (!status)
    status = dn_add_queried(
        m.kernel, m.pd, DN_X, data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC,
        data ? dnnl_query_diff_src_md : dnnl_query_src_md, 0);
  if (!status)
    status = dn_add_queried(
        m.kernel, m.pd, DN_W, forward || data ? DNNL_ARG_WEIGHTS : DNNL_ARG_DIFF_WEIGHTS,
        forward || data ? dnnl_query_weights_md : dnnl_query_diff_weights_md, 0);
  if (!status)
    status = dn_add_queried(
        m.kernel, m.pd, DN_Y, forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
        forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md, 0);
  if (!status && plain.bias)
    status = dn_add_queried(
        m.kernel, m.pd, DN_BIAS, forward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS,
        forward ? dnnl_query_weights_md : dnnl_query_diff_weights_md, 1);
  return dn_end(&m, status, out);
}

// ---- pooling ----

static int pooling_pd(
    dnnl_primitive_desc_t *pd, int forward, int training, enum dn_pooling_kind kind, const dn_convolution_shape *s,
    Desc x, Desc y, dnnl_primitive_attr_t attr, const_dnnl_primitive_desc_t hint) {
  Dims d = dims_of(s);
  dnnl_dim_t window[2] = {s->kernel_height, s->kernel_width};
  dnnl_prop_kind_t prop = training ? dnnl_forward_training : dnnl_forward_inference;
  dnnl_alg_kind_t algorithm = kind == DN_MAX                          ? dnnl_pooling_max
                              : kind == DN_AVERAGE_INCLUDING_PADDING ? dnnl_pooling_avg_include_padding
                                                                     : dnnl_pooling_avg_exclude_padding;
#if DNNL_VERSION_MAJOR >= 3
  if (forward)
    return (int)dnnl_pooling_forward_primitive_desc_create(
        pd, dn_engine(), prop, algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end,
        attr);
  return (int)dnnl_pooling_backward_primitive_desc_create(
      pd, dn_engine(), algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end, hint, attr);
#else
  dnnl_pooling_v2_desc_t desc;
  if (forward)
    TRY(dnnl_pooling_v2_forward_desc_init(
        &desc, prop, algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end));
  else
    TRY(dnnl_pooling_v2_backward_desc_init(
        &desc, algorithm, x, y, d.strides, window, d.dilations, d.pad_begin, d.pad_end));
  return (int)dnnl_primitive_desc_create(pd, &desc, attr, dn_engine(), hint);
#endif
}

int dn_pooling(
    dn_kernel **out, enum dn_direction direction, enum dn_pooling_kind kind, const dn_convolution_shape *shape,
    const dn_layout *layout, int backward_follows) {
  int forward = direction == DN_FORWARD;
  Dims d = dims_of(shape);
  dn_layout *any = NULL, *y = NULL;
  Making m;
  int status = dn_begin(&m, NULL);
  if (!status) status = dn_layout_any(&any, 4, d.y, dn_layout_type(layout));
  dnnl_primitive_desc_t first = NULL;
  if (!status)
    status = pooling_pd(
        &first, 1, !forward || backward_follows, kind, shape, DESC(layout), DESC(any), forward ? m.attr : NULL, NULL);
  if (!status) {
    if (forward) {
      m.pd = first;
    } else {
      m.hint = first;
      y = dn_layout_copied(dnnl_primitive_desc_query_md(first, dnnl_query_dst_md, 0));
      status = y ? pooling_pd(&m.pd, 0, 1, kind, shape, DESC(layout), DESC(y), m.attr, m.hint) : dnnl_out_of_memory;
    }
  }
  if (!status)
    status = dn_add_queried(
        m.kernel, m.pd, DN_X, forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_SRC,
        forward ? dnnl_query_src_md : dnnl_query_diff_src_md, 0);
  if (!status)
    status = dn_add_queried(
        m.kernel, m.pd, DN_Y, forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_DST,
        forward ? dnnl_query_dst_md : dnnl_query_diff_dst_md, 0);
  if (!status && kind == DN_MAX && (!forward || backward_follows)) status = dn_add_workspace(m.kernel, m.pd);
  dn_layout_destroy(any);
  dn_layout_destroy(y);
  return dn_end(&m, status, out);
}
