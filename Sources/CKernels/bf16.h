// bf16 numbers: the upper halves of floats.
#pragma once

#include <stdint.h>
#include <string.h>

#include "clones.h"

DK_INLINE float widened(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// To the nearest, ties to even; NaN stays NaN.
DK_INLINE uint16_t narrowed(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  uint32_t rounded = (bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16;
  return (uint16_t)((bits & 0x7FFFFFFFu) > 0x7F800000u ? (bits >> 16) | 0x40u : rounded);
}
