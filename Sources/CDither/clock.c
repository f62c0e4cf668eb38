#define _POSIX_C_SOURCE 200809L
#include <limits.h>
#include <time.h>

#include "internal.h"

enum { default_timeout_ms = 30000 };

dither_instant dither_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (dither_instant)now.tv_sec * 1000000000 + now.tv_nsec;
}

dither_instant dither_deadline(uint32_t timeout_ms) {
  if (timeout_ms == DITHER_NO_TIMEOUT) return DITHER_NEVER;
  return dither_now() + (dither_instant)(timeout_ms ? timeout_ms : default_timeout_ms) * 1000000;
}

int dither_poll_timeout(dither_instant deadline) {
  if (deadline == DITHER_NEVER) return -1;
  dither_instant left = deadline - dither_now();
  if (left <= 0) return 0;
  left = (left + 999999) / 1000000;
  return left > INT_MAX ? INT_MAX : (int)left;
}
