#include "dither_curl.h"

#include <dlfcn.h>
#include <pthread.h>

static struct {
  int (*global_init)(long);
  void *(*easy_init)(void);
  void (*easy_cleanup)(void *);
  void (*easy_reset)(void *);
  int (*easy_setopt)(void *, int, ...);
  int (*easy_perform)(void *);
  int (*easy_getinfo)(void *, int, ...);
  const char *(*easy_strerror)(int);
  void *(*slist_append)(void *, const char *);
  void (*slist_free_all)(void *);
} api;
static int state = 1;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  void *library = NULL;
  const char *names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
  for (int i = 0; i < 2 && !library; ++i) library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!library) return;
  struct { const char *name; void *place; } all[] = {
      {"curl_global_init", &api.global_init},     {"curl_easy_init", &api.easy_init},
      {"curl_easy_cleanup", &api.easy_cleanup},   {"curl_easy_reset", &api.easy_reset},
      {"curl_easy_setopt", &api.easy_setopt},     {"curl_easy_perform", &api.easy_perform},
      {"curl_easy_getinfo", &api.easy_getinfo},   {"curl_easy_strerror", &api.easy_strerror},
      {"curl_slist_append", &api.slist_append},   {"curl_slist_free_all", &api.slist_free_all},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) {
    void *found = dlsym(library, all[i].name);
    if (!found) return;
    *(void **)all[i].place = found;
  }
  // TLS and what Windows wants: libcurl's default.
  if (api.global_init(3)) return;
  void *curl = api.easy_init();
  if (!curl) return;
  int signs = api.easy_setopt(curl, CC_AWS_SIGV4, "aws:amz:us-east-1:s3") == 0;
  state = signs && api.easy_setopt(curl, CC_PROTOCOLS, "http,https") == 0 ? 0 : 2;
  api.easy_cleanup(curl);
}

int cc_begin(void) {
  pthread_once(&once, load);
  return state;
}

void *cc_open(void) { return api.easy_init(); }
void cc_close(void *curl) { api.easy_cleanup(curl); }
void cc_reset(void *curl) { api.easy_reset(curl); }
int cc_set_text(void *curl, enum cc_option option, const char *value) { return api.easy_setopt(curl, option, value); }
int cc_set_number(void *curl, enum cc_option option, long value) { return api.easy_setopt(curl, option, value); }
int cc_set_size(void *curl, enum cc_option option, int64_t value) { return api.easy_setopt(curl, option, value); }
int cc_set_pointer(void *curl, enum cc_option option, void *value) { return api.easy_setopt(curl, option, value); }
int cc_set_transfer(void *curl, enum cc_option option, cc_transfer value) {
  return api.easy_setopt(curl, option, value);
}
int cc_set_seek(void *curl, enum cc_option option, cc_seek value) { return api.easy_setopt(curl, option, value); }
int cc_perform(void *curl) { return api.easy_perform(curl); }
long cc_status(void *curl) {
  long status = 0;
  // CURLINFO_RESPONSE_CODE: a long.
  api.easy_getinfo(curl, 0x200000 + 2, &status);
  return status;
}
const char *cc_error(int code) { return api.easy_strerror(code); }
void *cc_append(void *list, const char *text) { return api.slist_append(list, text); }
void cc_free_list(void *list) { api.slist_free_all(list); }
