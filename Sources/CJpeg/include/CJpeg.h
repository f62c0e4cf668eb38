#ifndef CJPEG_H
#define CJPEG_H
#include <stddef.h>
#include <stdint.h>

// libjpeg leaves its functions by longjmp where a file is damaged, which Swift does not survive: it is caught here.

/// Bytes of a message, with its 0.
#define DITHER_JPEG_MESSAGE 200

typedef struct {
  int width;
  int height;
  /// 1 where the file has no colors.
  int components;
} dither_jpeg_size;

/// Reads the head alone. Returns 0, or 1 with words in `message`.
int dither_jpeg_head(const uint8_t *file, size_t length, dither_jpeg_size *size, char message[DITHER_JPEG_MESSAGE]);

/// Decodes into `pixels`, row by row, `channels` (1 or 3) bytes a pixel; `size` must be what the head says.
/// Returns 0, or 1 with words in `message`.
int dither_jpeg_decode(
  const uint8_t *file, size_t length, dither_jpeg_size size, int channels, uint8_t *pixels,
  char message[DITHER_JPEG_MESSAGE]);

#endif
