#include <stdatomic.h>

#include "dither_kernels.h"

int dk_best_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd"))
    return 4;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return 3;
#endif
  return 0;
}

// -1: not asked yet.
static _Atomic int chosen = -1;

int dk_level(void) {
  int level = atomic_load_explicit(&chosen, memory_order_relaxed);
  if (__builtin_expect(level < 0, 0)) {
    level = dk_best_level();
    atomic_store_explicit(&chosen, level, memory_order_relaxed);
  }
  return level;
}

void dk_set_level(int level) {
  int best = dk_best_level();
  level = level >= 4 ? 4 : level >= 3 ? 3 : 0;
  atomic_store_explicit(&chosen, level < best ? level : best, memory_order_relaxed);
}
