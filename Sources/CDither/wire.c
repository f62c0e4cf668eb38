#include <stdlib.h>
#include <string.h>

#include "internal.h"

enum { longest_prefix = 5, least_frame_bytes = 4096, most_queued_bytes = 65536, members_per_byte = 16, free_bytes = 65536 };

/* ---- What a message may cost ---- */

static void *budget_alloc(void *data, size_t size) {
  dither_budget *budget = data;
  if (size > budget->left) return NULL;
  budget->left -= size;
  return malloc(size);
}

static void budget_free(void *data, void *pointer) {
  (void)data;
  free(pointer);
}

void dither_budget_for(dither_budget *budget, size_t message_bytes) {
  budget->allocator = (ProtobufCAllocator){.alloc = budget_alloc, .free = budget_free, .allocator_data = budget};
  budget->left = message_bytes > (SIZE_MAX - free_bytes) / members_per_byte
                     ? SIZE_MAX
                     : message_bytes * members_per_byte + free_bytes;
}

static void *plain_alloc(void *data, size_t size) {
  (void)data;
  return malloc(size);
}

static ProtobufCAllocator plain = {.alloc = plain_alloc, .free = budget_free};
ProtobufCAllocator *const dither_plain_allocator = &plain;

/* ---- Sending ---- */

dither_code dither_send_frame(dither_client *client, const Dither__V1__Frame *frame, dither_error *error) {
  size_t bytes = dither__v1__frame__get_packed_size(frame);
  /* Until the server's Hello its limit is unknown; Hello itself is always small enough. */
  if (client->greeted && bytes > client->peer_frame_bytes) {
    return dither_fail(
        error, DITHER_RESOURCE_EXHAUSTED, "the request takes %zu bytes, the server takes %u: send a smaller batch",
        bytes, client->peer_frame_bytes);
  }
  dither_buffer *out = &client->out;
  if (bytes > UINT32_MAX || dither_buffer_reserve(out, bytes + longest_prefix) != 0) {
    return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for a request of %zu bytes", bytes);
  }
  size_t length = bytes;
  while (length >= 0x80) {
    out->bytes[out->end++] = (unsigned char)(length | 0x80);
    length >>= 7;
  }
  out->bytes[out->end++] = (unsigned char)length;
  out->end += dither__v1__frame__pack(frame, out->bytes + out->end);
  return DITHER_OK;
}

dither_code dither_break(dither_client *client, dither_error *error) {
  if (!client->broken && error) {
    client->broken = 1;
    client->fate = *error;
  }
  return client->fate.code;
}

/* ---- Receiving ---- */

/* What the server did wrong. */
static dither_code fail_protocol(dither_error *error, const char *what) {
  return dither_fail(error, DITHER_INTERNAL, "the server broke the protocol: %s", what);
}

/* 1 with the frame's place and size in the buffer; 0 when more bytes are needed; -1 with an error. */
static int next_frame(dither_client *client, size_t *prefix, size_t *bytes, dither_error *error) {
  const unsigned char *start = client->in.bytes + client->in.start;
  size_t count = dither_buffer_count(&client->in), length = 0, used = 0;
  for (;; used++) {
    if (used == longest_prefix) {
      fail_protocol(error, "a length of more than five bytes");
      return -1;
    }
    if (used == count) return 0;
    length |= (size_t)(start[used] & 0x7f) << (7 * used);
    if (!(start[used] & 0x80)) break;
  }
  if (length > client->max_frame_bytes) {
    dither_fail(
        error, DITHER_RESOURCE_EXHAUSTED, "the server sends a frame of %zu bytes, max_frame_bytes is %u", length,
        client->max_frame_bytes);
    return -1;
  }
  *prefix = used + 1;
  *bytes = length;
  return count - *prefix >= length;
}

static dither_code take_hello(dither_client *client, const Dither__V1__Hello *hello, dither_error *error) {
  if (client->greeted) return fail_protocol(error, "a second Hello");
  if (hello->version != 1) {
    return dither_fail(
        error, DITHER_FAILED_PRECONDITION, "the server speaks version %u of the protocol, this client version 1",
        hello->version);
  }
  if (hello->max_frame_bytes < least_frame_bytes) return fail_protocol(error, "a Hello that takes next to no frame");
  client->greeted = 1;
  client->peer_frame_bytes = hello->max_frame_bytes;
  return DITHER_OK;
}

static dither_code keep_answer(dither_call *call, const ProtobufCBinaryData *payload, dither_error *error) {
  if (call->has_answer) return fail_protocol(error, "two answers to one request");
  call->has_answer = 1;
  if (payload->len == 0) return DITHER_OK;
  call->answer = malloc(payload->len);
  if (!call->answer) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  memcpy(call->answer, payload->data, payload->len);
  call->answer_bytes = payload->len;
  return DITHER_OK;
}

/* Whether a frame's call is the one waited for; frames of calls given up earlier are dropped. */
static dither_code is_current(const dither_client *client, uint32_t id, int *current, dither_error *error) {
  *current = client->call.id != 0 && id == client->call.id && !client->call.ended;
  if (id == 0 || id > client->last_call) return fail_protocol(error, "a frame of a call that was never opened");
  return DITHER_OK;
}

static dither_code take_message(dither_client *client, const Dither__V1__Message *message, dither_error *error) {
  int current;
  dither_code code = is_current(client, message->call, &current, error);
  return code == DITHER_OK && current ? keep_answer(&client->call, &message->payload, error) : code;
}

static dither_code take_end(dither_client *client, const Dither__V1__End *end, dither_error *error) {
  int current;
  dither_code code = is_current(client, end->call, &current, error);
  if (code != DITHER_OK || !current) return code;
  if (end->payload_case == DITHER__V1__END__PAYLOAD_LAST) code = keep_answer(&client->call, &end->last, error);
  if (code != DITHER_OK) return code;
  client->call.ended = 1;
  if (end->status && end->status->code != 0) dither_fail_with_status(&client->call.status, end->status);
  return DITHER_OK;
}

static dither_code take_ping(dither_client *client, const Dither__V1__Ping *ping, dither_error *error) {
  if (dither_buffer_count(&client->out) > client->peer_frame_bytes + (size_t)most_queued_bytes) {
    return fail_protocol(error, "more pings than it reads answers");
  }
  Dither__V1__Pong pong = DITHER__V1__PONG__INIT;
  Dither__V1__Frame frame = DITHER__V1__FRAME__INIT;
  pong.nonce = ping->nonce;
  frame.kind_case = DITHER__V1__FRAME__KIND_PONG;
  frame.pong = &pong;
  return dither_send_frame(client, &frame, error);
}

static dither_code take_go_away(dither_client *client, const Dither__V1__GoAway *away, dither_error *error) {
  client->draining = 1;
  if (away->status && away->status->code != 0) return dither_fail_with_status(error, away->status);
  if (client->call.id > away->last_call) {
    return dither_fail(error, DITHER_UNAVAILABLE, "the server is draining: connect again and repeat the call");
  }
  return DITHER_OK;
}

static dither_code take_frame(dither_client *client, const Dither__V1__Frame *frame, dither_error *error) {
  switch (frame->kind_case) {
    case DITHER__V1__FRAME__KIND_HELLO: return take_hello(client, frame->hello, error);
    case DITHER__V1__FRAME__KIND_GO_AWAY: return take_go_away(client, frame->go_away, error);
    default: break;
  }
  if (!client->greeted) return fail_protocol(error, "its first frame is not Hello");
  switch (frame->kind_case) {
    case DITHER__V1__FRAME__KIND_MESSAGE: return take_message(client, frame->message, error);
    case DITHER__V1__FRAME__KIND_END: return take_end(client, frame->end, error);
    case DITHER__V1__FRAME__KIND_CREDIT: return DITHER_OK; /* a unary call has nothing more to send */
    case DITHER__V1__FRAME__KIND_PING: return take_ping(client, frame->ping, error);
    case DITHER__V1__FRAME__KIND_PONG:
      if (client->call.nonce != 0 && frame->pong->nonce == client->call.nonce) client->call.pong = 1;
      return DITHER_OK;
    case DITHER__V1__FRAME__KIND_OPEN: return fail_protocol(error, "it opens a call");
    case DITHER__V1__FRAME__KIND_CANCEL: return fail_protocol(error, "it cancels a call");
    default: return fail_protocol(error, "a frame of an unknown kind");
  }
}

/* Takes the frames that are whole. Stops at the first error. */
static dither_code take_frames(
    dither_client *client, int (*done)(const dither_client *), dither_error *error) {
  size_t prefix, bytes;
  int found;
  while (!done(client) && (found = next_frame(client, &prefix, &bytes, error)) != 0) {
    if (found < 0) return error->code;
    dither_budget budget;
    dither_budget_for(&budget, bytes);
    Dither__V1__Frame *frame = dither__v1__frame__unpack(
        &budget.allocator, bytes, client->in.bytes + client->in.start + prefix);
    if (!frame) return fail_protocol(error, "a frame that is not a Frame message");
    dither_buffer_consume(&client->in, prefix + bytes);
    dither_code code = take_frame(client, frame, error);
    dither__v1__frame__free_unpacked(frame, dither_plain_allocator);
    if (code != DITHER_OK) return code;
  }
  return DITHER_OK;
}

dither_code dither_receive_until(
    dither_client *client, int (*done)(const dither_client *), dither_instant deadline, dither_error *error) {
  for (;;) {
    dither_code code = take_frames(client, done, error);
    if (code != DITHER_OK) return dither_break(client, error);
    if (done(client)) return DITHER_OK;
    code = dither_socket_exchange(&client->socket, &client->out, &client->in, 0, deadline, error);
    if (code == DITHER_DEADLINE_EXCEEDED) return code;
    if (code != DITHER_OK) return dither_break(client, error);
  }
}
