#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "internal.h"

static const char *const names[] = {
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
#define CODE_COUNT (sizeof names / sizeof *names)

const char *dither_code_name(dither_code code) {
  return (size_t)code < CODE_COUNT ? names[code] : "UNKNOWN";
}

void dither_clear(dither_error *error) {
  if (error) memset(error, 0, sizeof *error);
}

/* The server's words may reach a terminal or a log. */
static void replace_controls(char *text) {
  for (; *text; text++) {
    if ((unsigned char)*text < 0x20 || *text == 0x7f) *text = ' ';
  }
}

dither_code dither_fail(dither_error *error, dither_code code, const char *format, ...) {
  if (!error) return code;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error->message, sizeof error->message, format, arguments);
  va_end(arguments);
  replace_controls(error->message);
  error->code = code;
  error->retry_after_ms = 0;
  return code;
}

dither_code dither_fail_with_status(dither_error *error, const Dither__V1__Status *status) {
  if (status->code == 0 || status->code >= CODE_COUNT) {
    return dither_fail(
        error, DITHER_UNKNOWN, "the server ended with the unknown status %u: %s", status->code, status->message);
  }
  dither_fail(error, (dither_code)status->code, "%s", status->message);
  for (size_t i = 0; error && i < status->n_details; i++) {
    const Dither__V1__Detail *detail = status->details[i];
    if (detail->kind_case == DITHER__V1__DETAIL__KIND_RETRY_INFO) {
      error->retry_after_ms = detail->retry_info->retry_after_ms;
    }
  }
  return (dither_code)status->code;
}
