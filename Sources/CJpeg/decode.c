#include "include/CJpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

// A small file of many scans keeps a decoder busy for minutes; real ones have some ten.
#define MOST_SCANS 200

typedef struct {
  struct jpeg_error_mgr manager;
  jmp_buf back;
  char *message;
} Faults;

static void leave(j_common_ptr decoder) {
  Faults *faults = (Faults *)decoder->err;
  char words[JMSG_LENGTH_MAX] = {0};
  decoder->err->format_message(decoder, words);
  snprintf(faults->message, DITHER_JPEG_MESSAGE, "%s", words);
  longjmp(faults->back, 1);
}

// Warnings are of pixels that are not there, which libjpeg paints gray, or of stray bytes, which do no harm.
static void warn(j_common_ptr decoder, int level) {
  int code = decoder->err->msg_code;
  if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) leave(decoder);
}

static void count_scans(j_common_ptr decoder) {
  if (((j_decompress_ptr)decoder)->input_scan_number > MOST_SCANS) {
    snprintf(((Faults *)decoder->err)->message, DITHER_JPEG_MESSAGE, "more than %d scans", MOST_SCANS);
    longjmp(((Faults *)decoder->err)->back, 1);
  }
}

static void begin(struct jpeg_decompress_struct *decoder, Faults *faults, char *message) {
  memset(decoder, 0, sizeof *decoder);
  decoder->err = jpeg_std_error(&faults->manager);
  faults->manager.error_exit = leave;
  faults->manager.emit_message = warn;
  faults->message = message;
  message[0] = 0;
}

int dither_jpeg_head(const uint8_t *file, size_t length, dither_jpeg_size *size, char message[DITHER_JPEG_MESSAGE]) {
  struct jpeg_decompress_struct decoder;
  Faults faults;
  begin(&decoder, &faults, message);
  if (setjmp(faults.back)) {
    jpeg_destroy_decompress(&decoder);
    return 1;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, file, length);
  jpeg_read_header(&decoder, TRUE);
  size->width = (int)decoder.image_width;
  size->height = (int)decoder.image_height;
  size->components = decoder.num_components;
  jpeg_destroy_decompress(&decoder);
  return 0;
}

int dither_jpeg_decode(
  const uint8_t *file, size_t length, dither_jpeg_size size, int channels, uint8_t *pixels,
  char message[DITHER_JPEG_MESSAGE]) {
  struct jpeg_decompress_struct decoder;
  struct jpeg_progress_mgr progress = {.progress_monitor = count_scans};
  Faults faults;
  begin(&decoder, &faults, message);
  if (setjmp(faults.back)) {
    jpeg_destroy_decompress(&decoder);
    return 1;
  }
  jpeg_create_decompress(&decoder);
  decoder.progress = &progress;
  jpeg_mem_src(&decoder, file, length);
  jpeg_read_header(&decoder, TRUE);
  decoder.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  // The accurate transform: the same bytes with and without the vector units.
  decoder.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&decoder);
  if ((int)decoder.output_width != size.width || (int)decoder.output_height != size.height ||
      decoder.output_components != channels) {
    snprintf(message, DITHER_JPEG_MESSAGE, "another size than its head says");
    jpeg_destroy_decompress(&decoder);
    return 1;
  }
  while (decoder.output_scanline < decoder.output_height) {
    JSAMPROW row = pixels + (size_t)decoder.output_scanline * (size_t)size.width * (size_t)channels;
    jpeg_read_scanlines(&decoder, &row, 1);
  }
  jpeg_finish_decompress(&decoder);
  jpeg_destroy_decompress(&decoder);
  return 0;
}
