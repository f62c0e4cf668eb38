#include <math.h>
#include <string.h>

#include "clones.h"

enum { TILE = 256, LANES = 16 };  // counters worked on at once, at most and at least: 4 KiB of words

typedef struct {
  uint32_t word[4][TILE];
} Words;

// Philox 4x32 with ten rounds over `count` consecutive counters from `first`; count is a multiple of LANES.
DK_INLINE void philox(
    Words *out, uint32_t first, uint32_t count, uint64_t seed, uint32_t site, uint32_t sample, uint32_t stream) {
  uint32_t *restrict w0 = out->word[0], *restrict w1 = out->word[1];
  uint32_t *restrict w2 = out->word[2], *restrict w3 = out->word[3];
#pragma clang loop vectorize(enable)
  for (uint32_t i = 0; i < count; i++) {
    uint32_t c0 = first + i, c1 = site, c2 = sample, c3 = stream;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
#pragma unroll
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
      uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
      c1 = (uint32_t)p1;
      c3 = (uint32_t)p0;
      c0 = n0;
      c2 = n2;
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    w0[i] = c0;
    w1[i] = c1;
    w2[i] = c2;
    w3[i] = c3;
  }
}

// On (0, 1), exact in fp32.
DK_INLINE float unit(uint32_t bits) { return (float)(int32_t)(bits >> 9) * 0x1p-23f + 0x1p-24f; }

// One rounding on every CPU: an instruction from AVX2 on, the C library's function before.
DK_INLINE float madd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

// ln x for 0 < x <= 1, after Cephes' logf: relative error about 1e-7.
DK_INLINE float log_unit(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  int32_t e = (int32_t)((bits - 0x3F3504F3u)) >> 23;  // so that the mantissa lies in [sqrt 1/2, sqrt 2)
  uint32_t mantissa = bits - ((uint32_t)e << 23);
  float m;
  memcpy(&m, &mantissa, 4);
  float f = m - 1.0f, z = f * f;
  float p = 7.0376836292e-2f;
  p = madd(p, f, -1.1514610310e-1f);
  p = madd(p, f, 1.1676998740e-1f);
  p = madd(p, f, -1.2420140846e-1f);
  p = madd(p, f, 1.4249322787e-1f);
  p = madd(p, f, -1.6668057665e-1f);
  p = madd(p, f, 2.0000714765e-1f);
  p = madd(p, f, -2.4999993993e-1f);
  p = madd(p, f, 3.3333331174e-1f);
  float fe = (float)e;
  float y = madd(f * z, p, madd(fe, -2.12194440e-4f, -0.5f * z));
  return madd(fe, 0.693359375f, f + y);
}

// A point of the circle at `turn` in (0, 1): cosine and sine of 2 pi turn.
DK_INLINE void circle(float turn, float *cosine, float *sine) {
  float t = turn * 4.0f;
  int32_t q = (int32_t)(t + 0.5f);
  float a = (t - (float)q) * 1.57079632679489662f;  // within a quarter of pi
  float z = a * a;
  float s = madd(madd(madd(-1.9515295891e-4f, z, 8.3321608736e-3f), z, -1.6666654611e-1f) * z, a, a);
  float p = madd(madd(2.443315711809948e-5f, z, -1.388731625493765e-3f), z, 4.166664568298827e-2f);
  float c = madd(p * z, z, madd(-0.5f, z, 1.0f));
  float cc = (q & 1) ? s : c, ss = (q & 1) ? c : s;
  *cosine = ((q + 1) & 2) ? -cc : cc;
  *sine = (q & 2) ? -ss : ss;
}

// The radius takes all 32 bits, so that the tail reaches 6.7.
DK_INLINE float radius(uint32_t bits) {
  float u = (float)(int32_t)(bits >> 8) * 0x1p-24f + ((float)(int32_t)(bits & 255u) + 0.5f) * 0x1p-32f;
  return sqrtf(-2.0f * log_unit(u));
}

// Four normals a counter.
DK_INLINE void normals_of(float *restrict out, const Words *words, uint32_t count) {
  float a[TILE], b[TILE], c[TILE], d[TILE];
#pragma clang loop vectorize(enable)
  for (uint32_t i = 0; i < count; i++) {
    float cosine, sine, r = radius(words->word[0][i]);
    circle(unit(words->word[1][i]), &cosine, &sine);
    a[i] = r * cosine;
    b[i] = r * sine;
  }
#pragma clang loop vectorize(enable)
  for (uint32_t i = 0; i < count; i++) {
    float cosine, sine, r = radius(words->word[2][i]);
    circle(unit(words->word[3][i]), &cosine, &sine);
    c[i] = r * cosine;
    d[i] = r * sine;
  }
#pragma clang loop vectorize(enable)
  for (uint32_t i = 0; i < count; i++) {
    out[4 * i] = a[i];
    out[4 * i + 1] = b[i];
    out[4 * i + 2] = c[i];
    out[4 * i + 3] = d[i];
  }
}

// Runs USE on each `piece` of `take` normals of the stream that starts at index `start`.
#define FOR_NORMALS(n, start, seed, site, sample, USE)                                    \
  do {                                                                                    \
    size_t done = 0, skip = (size_t)((start) % 4);                                        \
    uint32_t counter = (uint32_t)((start) / 4);                                           \
    while (done < (n)) {                                                                  \
      size_t wanted = ((n) - done + skip + 4 * LANES - 1) / (4 * LANES) * LANES;          \
      uint32_t count = wanted < TILE ? (uint32_t)wanted : TILE;                           \
      Words words;                                                                        \
      float tile[4 * TILE];                                                               \
      philox(&words, counter, count, seed, site, sample, DK_STREAM_NOISE);                \
      normals_of(tile, &words, count);                                                    \
      size_t have = 4 * (size_t)count - skip, take = (n) - done < have ? (n) - done : have; \
      const float *piece = tile + skip;                                                   \
      USE;                                                                                \
      done += take;                                                                       \
      skip = 0;                                                                           \
      counter += count;                                                                   \
    }                                                                                     \
  } while (0)

DK_INLINE void dk_normals_body(
    float *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample) {
  FOR_NORMALS(n, start, seed, site, sample, memcpy(out + done, piece, take * sizeof(float)));
}
DK_CLONES(
    dk_normals, (float *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample),
    (out, n, start, seed, site, sample))

DK_INLINE void dk_add_normals_body(
    float *out, const float *w, size_t n, float sigma, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample) {
  FOR_NORMALS(n, start, seed, site, sample, {
    for (size_t i = 0; i < take; i++) out[done + i] = w[done + i] + sigma * piece[i];
  });
}
DK_CLONES(
    dk_add_normals,
    (float *out, const float *w, size_t n, float sigma, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample),
    (out, w, n, sigma, start, seed, site, sample))

DK_INLINE void dk_row_noise_body(
    float *out, const float *y, const float *scale, int scale_per_element, size_t rows, size_t samples, size_t n,
    float all, const uint64_t *seeds, uint32_t site, uint32_t first_sample, int antithetic) {
  for (size_t s = 0; s < samples; s++)
    for (size_t r = 0; r < rows; r++) {
      float *to = out + (s * rows + r) * n;
      const float *from = y + r * n;
      uint32_t number = first_sample + (uint32_t)s, sample = antithetic ? number >> 1 : number;
      float factor = antithetic && (number & 1) ? -all : all;
      if (scale_per_element) {
        const float *each = scale + r * n;
        FOR_NORMALS(n, (uint64_t)0, seeds[r], site, sample, {
          for (size_t i = 0; i < take; i++) to[done + i] = from[done + i] + factor * each[done + i] * piece[i];
        });
      } else {
        float sigma = factor * (scale ? scale[r] : 1.0f);
        FOR_NORMALS(n, (uint64_t)0, seeds[r], site, sample, {
          for (size_t i = 0; i < take; i++) to[done + i] = from[done + i] + sigma * piece[i];
        });
      }
    }
}
DK_CLONES(
    dk_row_noise,
    (float *out, const float *y, const float *scale, int scale_per_element, size_t rows, size_t samples, size_t n,
     float all, const uint64_t *seeds, uint32_t site, uint32_t first_sample, int antithetic),
    (out, y, scale, scale_per_element, rows, samples, n, all, seeds, site, first_sample, antithetic))

DK_INLINE void dk_bits_body(
    uint32_t *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample, uint32_t stream) {
  size_t done = 0, skip = (size_t)(start % 4);
  uint32_t counter = (uint32_t)(start / 4);
  while (done < n) {
    Words words;
    philox(&words, counter, TILE, seed, site, sample, stream);
    size_t take = 0;
    for (size_t i = skip; i < 4 * TILE && done + take < n; i++, take++) out[done + take] = words.word[i & 3][i >> 2];
    done += take;
    skip = 0;
    counter += TILE;
  }
}
DK_CLONES(
    dk_bits,
    (uint32_t *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample, uint32_t stream),
    (out, n, start, seed, site, sample, stream))

DK_INLINE void dk_uniforms_body(
    float *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample) {
  size_t done = 0, skip = (size_t)(start % 4);
  uint32_t counter = (uint32_t)(start / 4);
  while (done < n) {
    Words words;
    philox(&words, counter, TILE, seed, site, sample, DK_STREAM_NOISE);
    size_t take = 0;
    for (size_t i = skip; i < 4 * TILE && done + take < n; i++, take++)
      out[done + take] = unit(words.word[i & 3][i >> 2]);
    done += take;
    skip = 0;
    counter += TILE;
  }
}
DK_CLONES(
    dk_uniforms, (float *out, size_t n, uint64_t start, uint64_t seed, uint32_t site, uint32_t sample),
    (out, n, start, seed, site, sample))

// ---- noise of convolutions ----

// Places of the window outside; then the inner loop over v walks both matrices' rows. Only what is on and above the diagonal is summed:
// nothing reads the rest.
DK_INLINE void dk_patch_gram_body(double *g, const float *a, const dk_window *w) {
  int64_t positions = w->out_height * w->out_width, pixels = w->in_height * w->in_width;
  memset(g, 0, (size_t)(positions * positions) * sizeof *g);
  for (int64_t kh = 0; kh < w->kernel_height; kh++)
    for (int64_t kw = 0; kw < w->kernel_width; kw++) {
      int64_t top = kh * w->dilation_height - w->pad_top, left = kw * w->dilation_width - w->pad_left;
      // The columns of the output whose place of the window is inside.
      int64_t first = left < 0 ? (-left + w->stride_width - 1) / w->stride_width : 0;
      int64_t end = left < w->in_width ? (w->in_width - 1 - left) / w->stride_width + 1 : 0;
      if (end > w->out_width) end = w->out_width;
      for (int64_t u = 0; u < positions; u++) {
        int64_t uy = u / w->out_width * w->stride_height + top, ux = u % w->out_width * w->stride_width + left;
        if (uy < 0 || uy >= w->in_height || ux < 0 || ux >= w->in_width) continue;
        const float *row = a + (uy * w->in_width + ux) * pixels;
        for (int64_t vy = u / w->out_width; vy < w->out_height; vy++) {
          int64_t y = vy * w->stride_height + top;
          if (y < 0 || y >= w->in_height) continue;
          double *to = g + u * positions + vy * w->out_width;
          const float *from = row + y * w->in_width + left;
          if (w->stride_width == 1)
            for (int64_t vx = first; vx < end; vx++) to[vx] += from[vx];
          else
            for (int64_t vx = first; vx < end; vx++) to[vx] += from[vx * w->stride_width];
        }
      }
    }
}
DK_CLONES(dk_patch_gram, (double *g, const float *a, const dk_window *w), (g, a, w))

// Row by row below the pivot, so that the inner loops run along memory.
DK_INLINE void dk_cholesky_body(float *factor, double *g, size_t n, double jitter) {
  double largest = 0;
  for (size_t i = 0; i < n; i++) largest = g[i * n + i] > largest ? g[i * n + i] : largest;
  for (size_t i = 0; i < n; i++) g[i * n + i] += jitter * largest;
  memset(factor, 0, n * n * sizeof *factor);
  for (size_t k = 0; k < n; k++) {
    double *pivot_row = g + k * n, pivot = pivot_row[k];
    if (!(pivot > 0)) continue;  // nothing is left in this direction but rounding
    double inverse = 1 / sqrt(pivot);
    for (size_t i = k; i < n; i++) factor[i * n + k] = (float)(pivot_row[i] * inverse);
    for (size_t i = k + 1; i < n; i++) {
      double *row = g + i * n, share = pivot_row[i] / pivot;
      for (size_t j = i; j < n; j++) row[j] -= share * pivot_row[j];
    }
  }
}
DK_CLONES(dk_cholesky, (float *factor, double *g, size_t n, double jitter), (factor, g, n, jitter))
