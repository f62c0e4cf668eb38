#include "allocation_counter.h"

#include <errno.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static __thread int counting;
static __thread size_t count, largest;

static void note(size_t size) {
  if (!counting) return;
  count++;
  if (size > largest) largest = size;
}

#ifdef SANITIZED
// A sanitizer has an allocator of its own, which tells who asks.
extern int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void *, size_t), void (*free_hook)(const volatile void *));

static void noted(const volatile void *bytes, size_t size) {
  (void)bytes;
  note(size);
}
static void freed(const volatile void *bytes) { (void)bytes; }
static void listen(void) {
  static _Atomic int installed;
  if (!installed++) __sanitizer_install_malloc_and_free_hooks(noted, freed);
}
#else
static void listen(void) {}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

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
#endif

void ac_start(void) {
  listen();
  count = largest = 0;
  counting = 1;
}
size_t ac_stop(size_t *size) {
  counting = 0;
  *size = largest;
  return count;
}
