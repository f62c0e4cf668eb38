// Counts what the calling thread allocates. Linked into the tests' executable, it stands before the C library's allocator for
// every library in the process; the memory itself is the C library's.
#pragma once
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
void ac_start(void);
// How often memory was asked for since then, and how many bytes the largest piece had.
size_t ac_stop(size_t *largest);
#ifdef __cplusplus
}
#endif
