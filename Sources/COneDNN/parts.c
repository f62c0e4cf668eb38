// Work in parts that the shapes alone decide, each computed by one thread: no bit depends on how many there are.
#include "internal.h"

extern void omp_set_num_threads(int);
extern int omp_get_max_threads(void);
extern int omp_get_num_threads(void);
extern int omp_get_thread_num(void);
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);

typedef struct {
  int parts, status;
  int (*run)(void *context, int part);
  void *context;
} Parts;

static void run_own_parts(void *data) {
  Parts *all = data;
  int threads = omp_get_num_threads(), me = omp_get_thread_num();
  // oneDNN would divide a part again, where the team has one thread only.
  omp_set_num_threads(1);
  for (int part = all->parts * me / threads; part < all->parts * (me + 1) / threads; part++) {
    int status = all->run(all->context, part);
    if (status) __atomic_store_n(&all->status, status, __ATOMIC_RELAXED);
  }
}

int dn_in_parts(int parts, int (*run)(void *, int), void *context) {
  Parts all = {parts, 0, run, context};
  int threads = omp_get_max_threads(), own = threads < parts ? threads : parts;
  if (own > 1) {
    GOMP_parallel(run_own_parts, &all, (unsigned)own, 0);
    return all.status;
  }
  omp_set_num_threads(1);
  for (int part = 0; part < parts && !all.status; part++) all.status = run(context, part);
  omp_set_num_threads(threads);
  return all.status;
}
