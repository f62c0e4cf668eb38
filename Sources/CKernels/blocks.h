// Images whose channels lie in blocks of 8 or 16, as convolutions like them: [N, C / block, H, W, block].
#pragma once

// Runs the statements with the block as a constant B.
#define FOR_BLOCK(block, ...)  \
  do {                         \
    if ((block) == 16) {       \
      enum { B = 16 };         \
      __VA_ARGS__;             \
    } else {                   \
      enum { B = 8 };          \
      __VA_ARGS__;             \
    }                          \
  } while (0)
