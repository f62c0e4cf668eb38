#include "allocation_counter.h"

#include <errno.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread int counting;
static __thread size_t count, largest;

static void note(size_t size) {
  if (!counting) return;
  count++;
  if (size > largest) largest = size;
}

void *malloc(size_t size) {
  note(size);
  return __libc_malloc(size);
}
void *calloc(size_t n, size_t size) {
  note(n * size);
  return __libc_calloc(n, size);
}
void *realloc(void *old, size_t size) {
  note(size);
  return __libc_realloc(old, size);
}
void *memalign(size_t alignment, size_t size) {
  note(size);
  return __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **out, size_t alignment, size_t size) {
  void *bytes = memalign(alignment, size);
  if (!bytes) return ENOMEM;
  *out = bytes;
  return 0;
}

void ac_start(void) {
  count = largest = 0;
  counting = 1;
}
size_t ac_stop(size_t *size) {
  counting = 0;
  *size = largest;
  return count;
}
