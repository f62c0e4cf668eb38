#include <stdlib.h>
#include <string.h>

#include "internal.h"

int dither_buffer_reserve(dither_buffer *buffer, size_t more) {
  if (buffer->capacity - buffer->end >= more) return 0;
  size_t count = dither_buffer_count(buffer);
  if (buffer->start > 0) {
    memmove(buffer->bytes, buffer->bytes + buffer->start, count);
    buffer->start = 0;
    buffer->end = count;
    if (buffer->capacity - count >= more) return 0;
  }
  if (more > SIZE_MAX / 2 - count) return -1;
  size_t capacity = count + more;
  if (capacity < 2 * buffer->capacity) capacity = 2 * buffer->capacity;
  unsigned char *bytes = realloc(buffer->bytes, capacity);
  if (!bytes) return -1;
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return 0;
}

void dither_buffer_consume(dither_buffer *buffer, size_t count) {
  buffer->start += count;
  if (buffer->start == buffer->end) buffer->start = buffer->end = 0;
}

void dither_buffer_free(dither_buffer *buffer) {
  free(buffer->bytes);
  memset(buffer, 0, sizeof *buffer);
}
