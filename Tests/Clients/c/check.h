/* The smallest of test frameworks: a check prints its line when it fails, and the count is the exit status. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int checks, failures;

#define CHECK(condition)                                                          \
  do {                                                                            \
    checks++;                                                                     \
    if (!(condition)) {                                                           \
      failures++;                                                                 \
      printf("%s:%d: %s: not so: %s\n", __FILE__, __LINE__, where, #condition);   \
    }                                                                             \
  } while (0)

#endif
