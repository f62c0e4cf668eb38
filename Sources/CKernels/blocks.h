// Images whose channels lie in blocks of 8 or 16, as convolutions like them: [N, C / block, H, W, block].
#pragma once

// Calls BODY with the block as a constant B.
#define FOR_BLOCK(block, BODY) \
  do {                         \
    if ((block) == 16) {       \
      enum { B = 16 };         \
      BODY;                    \
    } else {                   \
      enum { B = 8 };          \
      BODY;                    \
    }                          \
  } while (0)
