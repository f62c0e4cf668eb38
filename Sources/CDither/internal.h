/* What the library's files share. Nothing here is for callers. */
#ifndef DITHER_INTERNAL_H
#define DITHER_INTERNAL_H

#include <openssl/ssl.h>
#include <protobuf-c/protobuf-c.h>

#include "dither.h"
#include "dither/v1/frame.pb-c.h"

/* error.c */

#if defined(__GNUC__)
#define DITHER_FORMAT __attribute__((format(printf, 3, 4)))
#else
#define DITHER_FORMAT
#endif
/* Fills `error` (which may be NULL) and returns `code`. */
dither_code dither_fail(dither_error *error, dither_code code, const char *format, ...) DITHER_FORMAT;
/* The same from a status off the wire. A code outside gRPC's becomes DITHER_UNKNOWN. */
dither_code dither_fail_with_status(dither_error *error, const Dither__V1__Status *status);
void dither_clear(dither_error *error);

/* clock.c: nanoseconds of the monotonic clock */

typedef int64_t dither_instant;
#define DITHER_NEVER INT64_MAX
dither_instant dither_now(void);
dither_instant dither_deadline(uint32_t timeout_ms);
/* For poll(): rounded up, 0 when it has passed, -1 when it never comes. */
int dither_poll_timeout(dither_instant deadline);

/* buffer.c: a queue of bytes */

typedef struct dither_buffer {
  unsigned char *bytes;
  size_t start, end, capacity;
} dither_buffer;
/* Room for `more` bytes after `end`. 0, or -1 when there is no memory. */
int dither_buffer_reserve(dither_buffer *buffer, size_t more);
void dither_buffer_consume(dither_buffer *buffer, size_t count);
void dither_buffer_free(dither_buffer *buffer);
static inline size_t dither_buffer_count(const dither_buffer *buffer) { return buffer->end - buffer->start; }

/* socket.c: bytes over TCP, with TLS or without, never past a deadline */

typedef struct dither_socket {
  int descriptor;
  SSL_CTX *context;
  SSL *ssl;
  BIO_METHOD *method;
} dither_socket;
dither_code dither_socket_open(
    dither_socket *socket, const dither_options *options, dither_instant deadline, dither_error *error);
/* Sends what is in `out` and receives into `in`; returns as soon as bytes came, or, if `until_sent`, all were sent. */
dither_code dither_socket_exchange(
    dither_socket *socket, dither_buffer *out, dither_buffer *in, int until_sent, dither_instant deadline,
    dither_error *error);
void dither_socket_close(dither_socket *socket);

/* wire.c: frames */

/* The call or the ping that the client waits for. */
typedef struct dither_call {
  uint32_t id;           /* 0: none */
  unsigned char *answer; /* owned */
  size_t answer_bytes;
  int has_answer;
  int ended;
  dither_error status;
  uint64_t nonce;        /* of the ping; 0: none */
  int pong;
} dither_call;

struct dither_client {
  dither_socket socket;
  dither_buffer in, out;
  char *authorization;         /* "Bearer …", or NULL */
  uint32_t max_frame_bytes;    /* that we take */
  uint32_t peer_frame_bytes;   /* that the server takes */
  int greeted;                 /* the server's Hello came */
  uint32_t last_call;
  uint64_t last_nonce;
  int draining;
  int broken;
  dither_error fate;           /* why it is broken */
  dither_call call;
};

/* An allocator that gives at most so many bytes: what a hostile message may cost. */
typedef struct dither_budget {
  ProtobufCAllocator allocator;
  size_t left;
} dither_budget;
void dither_budget_for(dither_budget *budget, size_t message_bytes);
/* For freeing what a budget allocated. */
extern ProtobufCAllocator *const dither_plain_allocator;

/* Queues a frame. A frame larger than the server takes is refused. */
dither_code dither_send_frame(dither_client *client, const Dither__V1__Frame *frame, dither_error *error);
/* Takes frames until `done(client)`. An error is the connection's (then it is broken), or a deadline. */
dither_code dither_receive_until(
    dither_client *client, int (*done)(const dither_client *), dither_instant deadline, dither_error *error);
/* Marks the connection as broken, with `error` as its fate. Returns its code. */
dither_code dither_break(dither_client *client, dither_error *error);

/* call.c */

/* One unary call. On DITHER_OK `*answer` (to be freed by the caller, NULL when empty) holds the message's bytes. */
dither_code dither_unary(
    dither_client *client, const char *method, const ProtobufCMessage *request, uint32_t timeout_ms,
    unsigned char **answer, size_t *answer_bytes, dither_error *error);

#endif
