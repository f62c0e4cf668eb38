// The library in use: version, instructions, threads, the engine.
#include <stdio.h>
#include <string.h>

#include "internal.h"

extern void omp_set_num_threads(int);

const char *dn_status(int status) {
  switch (status) {
    case dnnl_success: return "success";
    case dnnl_out_of_memory: return "out of memory";
    case dnnl_invalid_arguments: return "invalid arguments";
    case dnnl_unimplemented: return "unimplemented";
    default: return "runtime error";
  }
}

const char *dn_version(void) {
  static char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}

static const struct {
  const char *name;
  dnnl_cpu_isa_t isa;
} isas[] = {
    {"avx512_core_amx", dnnl_cpu_isa_avx512_core_amx},
    {"avx512_core_bf16", dnnl_cpu_isa_avx512_core_bf16},
    {"avx512_core_vnni", dnnl_cpu_isa_avx512_core_vnni},
    {"avx512_core", dnnl_cpu_isa_avx512_core},
    {"avx2", dnnl_cpu_isa_avx2},
    {"avx", dnnl_cpu_isa_avx},
    {"sse41", dnnl_cpu_isa_sse41},
};

const char *dn_isa(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
    if ((isa & isas[i].isa) == isas[i].isa) return isas[i].name;
  }
  return "none";
}

int dn_limit_isa(const char *name) {
  for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
    if (strcmp(isas[i].name, name) == 0) return (int)dnnl_set_max_cpu_isa(isas[i].isa);
  }
  return (int)dnnl_invalid_arguments;
}

int dn_has_bf16(void) {
  dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
  // The sets of instructions are bit masks, each within the next.
  return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

void dn_set_threads(int threads) { omp_set_num_threads(threads); }

// One for the process, never destroyed: kernels live as long as plans, plans as long as the server.
dnnl_engine_t dn_engine(void) {
  static dnnl_engine_t shared;
  dnnl_engine_t mine = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
  if (mine) return mine;
  if (dnnl_engine_create(&mine, dnnl_cpu, 0) != dnnl_success) return NULL;
  dnnl_engine_t none = NULL;
  if (!__atomic_compare_exchange_n(&shared, &none, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    dnnl_engine_destroy(mine);
    mine = none;
  }
  return mine;
}
