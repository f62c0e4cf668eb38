#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { standard_frame_bytes = 16 << 20, cancel_grace_ms = 1 };

/* ---- Connections ---- */

static int is_greeted(const dither_client *client) { return client->greeted; }

static dither_code greet(dither_client *client, dither_instant deadline, dither_error *error) {
  Dither__V1__Hello hello = DITHER__V1__HELLO__INIT;
  Dither__V1__Frame frame = DITHER__V1__FRAME__INIT;
  hello.version = 1;
  hello.agent = "dither-c/0.2.0";
  hello.max_frame_bytes = client->max_frame_bytes;
  hello.initial_credit_bytes = client->max_frame_bytes;
  frame.kind_case = DITHER__V1__FRAME__KIND_HELLO;
  frame.hello = &hello;
  dither_code code = dither_send_frame(client, &frame, error);
  return code == DITHER_OK ? dither_receive_until(client, is_greeted, deadline, error) : code;
}

static dither_code keep_token(dither_client *client, const char *token, dither_error *error) {
  static const char scheme[] = "Bearer ";
  if (!token) return DITHER_OK;
  size_t count = strlen(token);
  for (size_t i = 0; i < count; i++) {
    if (token[i] <= 0x20 || token[i] > 0x7e) {
      return dither_fail(error, DITHER_INVALID_ARGUMENT, "token: expected printable ASCII without spaces");
    }
  }
  client->authorization = malloc(sizeof scheme + count);
  if (!client->authorization) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory");
  memcpy(client->authorization, scheme, sizeof scheme - 1);
  memcpy(client->authorization + sizeof scheme - 1, token, count + 1);
  return DITHER_OK;
}

dither_code dither_connect(const dither_options *options, dither_client **client, dither_error *error) {
  dither_error local;
  if (!error) error = &local;
  dither_clear(error);
  if (!options || !client || !options->address) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "dither_connect: expected options with an address");
  }
  dither_instant deadline = dither_deadline(options->timeout_ms);
  dither_client *made = calloc(1, sizeof *made);
  if (!made) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory");
  made->socket.descriptor = -1;
  made->max_frame_bytes = options->max_frame_bytes ? options->max_frame_bytes : standard_frame_bytes;
  dither_code code = keep_token(made, options->token, error);
  if (code == DITHER_OK) code = dither_socket_open(&made->socket, options, deadline, error);
  if (code == DITHER_OK) code = greet(made, deadline, error);
  if (code != DITHER_OK) {
    dither_close(made);
    return code;
  }
  *client = made;
  return DITHER_OK;
}

int dither_is_usable(const dither_client *client) { return client && !client->broken && !client->draining; }

void dither_close(dither_client *client) {
  if (!client) return;
  dither_socket_close(&client->socket);
  dither_buffer_free(&client->in);
  dither_buffer_free(&client->out);
  free(client->call.answer);
  if (client->authorization) {
    OPENSSL_cleanse(client->authorization, strlen(client->authorization));
    free(client->authorization);
  }
  free(client);
}

/* ---- Calls ---- */

static dither_code check_usable(const dither_client *client, dither_error *error) {
  if (!client) return dither_fail(error, DITHER_INVALID_ARGUMENT, "expected a client");
  if (client->broken) {
    return dither_fail(
        error, DITHER_UNAVAILABLE, "the connection is broken, connect again: %.400s", client->fate.message);
  }
  if (client->draining) return dither_fail(error, DITHER_UNAVAILABLE, "the server is draining: connect again");
  if (client->last_call == UINT32_MAX) {
    return dither_fail(error, DITHER_UNAVAILABLE, "the connection's call numbers are used up: connect again");
  }
  return DITHER_OK;
}

static void begin_call(dither_client *client) {
  free(client->call.answer);
  memset(&client->call, 0, sizeof client->call);
}

static uint64_t microseconds_until(dither_instant deadline) {
  if (deadline == DITHER_NEVER) return 0;
  dither_instant left = (deadline - dither_now()) / 1000;
  return left > 0 ? (uint64_t)left : 1;
}

/* A unary call is one frame: the first message is not counted against credit, the frame's limit bounds it. */
static dither_code send_open(
    dither_client *client, const char *method, const ProtobufCBinaryData *payload, dither_instant deadline,
    dither_error *error) {
  Dither__V1__Open__MetadataEntry token = DITHER__V1__OPEN__METADATA_ENTRY__INIT;
  Dither__V1__Open__MetadataEntry *metadata[] = {&token};
  Dither__V1__Open open = DITHER__V1__OPEN__INIT;
  Dither__V1__Frame frame = DITHER__V1__FRAME__INIT;
  open.call = client->call.id;
  open.method = (char *)method;
  open.timeout_us = microseconds_until(deadline);
  if (client->authorization) {
    token.key = "authorization";
    token.value = client->authorization;
    open.metadata = metadata;
    open.n_metadata = 1;
  }
  open.payload_case = DITHER__V1__OPEN__PAYLOAD_FIRST;
  open.first = *payload;
  open.end = 1;
  frame.kind_case = DITHER__V1__FRAME__KIND_OPEN;
  frame.open = &open;
  return dither_send_frame(client, &frame, error);
}

/* The answer is no longer wanted: says so if that does not take long. What is left in the queue goes with the next call. */
static void cancel_call(dither_client *client) {
  Dither__V1__Cancel cancel = DITHER__V1__CANCEL__INIT;
  Dither__V1__Frame frame = DITHER__V1__FRAME__INIT;
  dither_error error;
  cancel.call = client->call.id;
  frame.kind_case = DITHER__V1__FRAME__KIND_CANCEL;
  frame.cancel = &cancel;
  if (dither_send_frame(client, &frame, &error) != DITHER_OK) return;
  dither_instant soon = dither_deadline(cancel_grace_ms);
  dither_code code = dither_socket_exchange(&client->socket, &client->out, &client->in, 1, soon, &error);
  if (code != DITHER_OK && code != DITHER_DEADLINE_EXCEEDED) dither_break(client, &error);
}

static int has_ended(const dither_client *client) { return client->call.ended; }

dither_code dither_unary(
    dither_client *client, const char *method, const ProtobufCMessage *request, uint32_t timeout_ms,
    unsigned char **answer, size_t *answer_bytes, dither_error *error) {
  dither_instant deadline = dither_deadline(timeout_ms);
  dither_code code = check_usable(client, error);
  if (code != DITHER_OK) return code;
  size_t bytes = protobuf_c_message_get_packed_size(request);
  ProtobufCBinaryData payload = {.len = bytes, .data = malloc(bytes ? bytes : 1)};
  if (!payload.data) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for a request of %zu bytes", bytes);
  protobuf_c_message_pack(request, payload.data);
  begin_call(client);
  client->call.id = ++client->last_call;
  code = send_open(client, method, &payload, deadline, error);
  free(payload.data);
  if (code == DITHER_OK) code = dither_receive_until(client, has_ended, deadline, error);
  if (code == DITHER_DEADLINE_EXCEEDED) cancel_call(client);
  if (code == DITHER_OK && client->call.status.code != DITHER_OK) {
    *error = client->call.status;
    code = error->code;
  }
  if (code == DITHER_OK && !client->call.has_answer) {
    code = dither_fail(error, DITHER_INTERNAL, "the server broke the protocol: an end without an answer");
  }
  if (code == DITHER_OK) {
    *answer = client->call.answer;
    *answer_bytes = client->call.answer_bytes;
    client->call.answer = NULL;
  }
  begin_call(client);
  return code;
}

static int has_pong(const dither_client *client) { return client->call.pong; }

dither_code dither_ping(dither_client *client, uint32_t timeout_ms, dither_error *error) {
  dither_error local;
  if (!error) error = &local;
  dither_clear(error);
  dither_code code = check_usable(client, error);
  if (code != DITHER_OK) return code;
  Dither__V1__Ping ping = DITHER__V1__PING__INIT;
  Dither__V1__Frame frame = DITHER__V1__FRAME__INIT;
  begin_call(client);
  ping.nonce = client->call.nonce = ++client->last_nonce;
  frame.kind_case = DITHER__V1__FRAME__KIND_PING;
  frame.ping = &ping;
  code = dither_send_frame(client, &frame, error);
  return code == DITHER_OK ? dither_receive_until(client, has_pong, dither_deadline(timeout_ms), error) : code;
}
