// A kernel's body is written once, inline; DK_CLONES makes one function of it for each instruction set, and one that
// chooses. Written out, not by target_clones, so that a test can choose as well.
#pragma once

#include "dither_kernels.h"

#define DK_INLINE static inline __attribute__((always_inline))

#if defined(__x86_64__)
#define DK_CLONES(name, parameters, arguments)                                                                       \
  __attribute__((target("arch=x86-64-v4"))) static void name##_v4 parameters { name##_body arguments; }              \
  __attribute__((target("arch=x86-64-v3"))) static void name##_v3 parameters { name##_body arguments; }              \
  static void name##_v0 parameters { name##_body arguments; }                                                        \
  void name parameters {                                                                                             \
    int level = dk_level();                                                                                          \
    if (level == 4) name##_v4 arguments;                                                                             \
    else if (level == 3) name##_v3 arguments;                                                                        \
    else name##_v0 arguments;                                                                                        \
  }
#else
#define DK_CLONES(name, parameters, arguments) \
  void name parameters { name##_body arguments; }
#endif
