// libcurl's easy interface, found when it is first needed: neither building nor running asks for it. The numbers are libcurl's own, which
// it keeps (its ABI is that of libcurl.so.4 since 2006). Every call is for one thread at a time, but for cc_begin.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum cc_option {
  CC_URL = 10002, CC_PROXY = 10004, CC_READ_DATA = 10009, CC_WRITE_DATA = 10001, CC_HEADERS = 10023, CC_HEADER_DATA = 10029,
  CC_CUSTOM_REQUEST = 10036, CC_CA_FILE = 10065, CC_SEEK_DATA = 10168, CC_USER = 10173, CC_PASSWORD = 10174,
  CC_AWS_SIGV4 = 10305, CC_PROTOCOLS = 10318,
  CC_WRITE = 20011, CC_READ = 20012, CC_HEADER = 20079, CC_SEEK = 20167,
  CC_UPLOAD_SIZE = 30115,
  CC_LOW_SPEED_LIMIT = 19, CC_LOW_SPEED_TIME = 20, CC_NO_BODY = 44, CC_UPLOAD = 46, CC_CONNECT_TIMEOUT = 78, CC_GET = 80,
  CC_HTTP_VERSION = 84, CC_NO_SIGNAL = 99, CC_PATH_AS_IS = 234,
};
// HTTP/1.1, for CC_HTTP_VERSION.
enum { CC_HTTP_1_1 = 2 };
// What a reader of a body answers to end the exchange.
enum { CC_ABORT = 0x10000000 };

typedef size_t (*cc_transfer)(char *bytes, size_t size, size_t count, void *context);
typedef int (*cc_seek)(void *context, int64_t offset, int origin);

// 0; 1: there is no libcurl; 2: it is too old to sign (7.85 is the oldest). The same for every caller.
int cc_begin(void);
// Only once cc_begin has said 0. NULL without memory.
void *cc_open(void);
void cc_close(void *curl);
void cc_reset(void *curl);
// libcurl's code, 0 for success.
int cc_set_text(void *curl, enum cc_option option, const char *value);
int cc_set_number(void *curl, enum cc_option option, long value);
int cc_set_size(void *curl, enum cc_option option, int64_t value);
int cc_set_pointer(void *curl, enum cc_option option, void *value);
int cc_set_transfer(void *curl, enum cc_option option, cc_transfer value);
int cc_set_seek(void *curl, enum cc_option option, cc_seek value);
int cc_perform(void *curl);
// The status of the last answer.
long cc_status(void *curl);
const char *cc_error(int code);
// A longer list, or NULL without memory.
void *cc_append(void *list, const char *text);
void cc_free_list(void *list);
