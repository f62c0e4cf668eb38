#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "internal.h"

enum { chunk_bytes = 65536 };

/* ---- Addresses ---- */

typedef struct endpoint {
  char host[256];
  char port[6];
  int plaintext;
} endpoint;

static dither_code parse_address(const char *address, endpoint *out, dither_error *error) {
  static const char scheme[] = "dither://", plain_scheme[] = "dither+plain://";
  const char *rest = address;
  if (strncmp(rest, scheme, sizeof scheme - 1) == 0) rest += sizeof scheme - 1;
  out->plaintext = strncmp(rest, plain_scheme, sizeof plain_scheme - 1) == 0;
  if (out->plaintext) rest += sizeof plain_scheme - 1;
  const char *colon = strrchr(rest, ':');
  const char *host = rest, *host_end = colon;
  if (colon && *rest == '[') {
    host = rest + 1;
    host_end = colon > host && colon[-1] == ']' ? colon - 1 : NULL;
  }
  size_t host_count = colon && host_end ? (size_t)(host_end - host) : 0;
  char *end = NULL;
  unsigned long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, &end, 10) : 0;
  if (host_count == 0 || host_count >= sizeof out->host || port == 0 || port > 65535 || *end) {
    return dither_fail(
        error, DITHER_INVALID_ARGUMENT, "address: expected dither://host:port, got '%.200s'", address);
  }
  memcpy(out->host, host, host_count);
  out->host[host_count] = 0;
  snprintf(out->port, sizeof out->port, "%lu", port);
  return DITHER_OK;
}

/* ---- TCP ---- */

static dither_code await_events(
    int descriptor, short events, dither_instant deadline, const char *what, dither_error *error) {
  for (;;) {
    struct pollfd wanted = {.fd = descriptor, .events = events};
    int timeout = dither_poll_timeout(deadline);
    int ready = poll(&wanted, 1, timeout);
    if (ready > 0) return DITHER_OK;
    if (ready < 0 && errno != EINTR) {
      return dither_fail(error, DITHER_INTERNAL, "waiting while %s: %s", what, strerror(errno));
    }
    if (ready == 0 && dither_poll_timeout(deadline) == 0) {
      return dither_fail(error, DITHER_DEADLINE_EXCEEDED, "the time was up while %s", what);
    }
  }
}

static dither_code connect_to(
    const struct addrinfo *candidate, int *descriptor, dither_instant deadline, dither_error *error) {
  int fd = socket(candidate->ai_family, candidate->ai_socktype, candidate->ai_protocol);
  if (fd < 0) return dither_fail(error, DITHER_UNAVAILABLE, "no socket: %s", strerror(errno));
  dither_code code = DITHER_OK;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
    code = dither_fail(error, DITHER_INTERNAL, "the socket takes no flags: %s", strerror(errno));
  } else if (connect(fd, candidate->ai_addr, candidate->ai_addrlen) < 0) {
    int failure = errno;
    if (failure == EINPROGRESS || failure == EINTR) {
      code = await_events(fd, POLLOUT, deadline, "connecting", error);
      socklen_t size = sizeof failure;
      if (code == DITHER_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0) failure = errno;
    }
    if (code == DITHER_OK && failure != 0) {
      code = dither_fail(error, DITHER_UNAVAILABLE, "cannot connect: %s; is the server running?", strerror(failure));
    }
  }
  if (code != DITHER_OK) {
    close(fd);
    return code;
  }
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  *descriptor = fd;
  return DITHER_OK;
}

static dither_code connect_any(
    const endpoint *to, int *descriptor, dither_instant deadline, dither_error *error) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
  struct addrinfo *candidates = NULL;
  int failure = getaddrinfo(to->host, to->port, &hints, &candidates);
  if (failure != 0) {
    return dither_fail(error, DITHER_UNAVAILABLE, "host '%.200s': %s", to->host, gai_strerror(failure));
  }
  dither_code code = dither_fail(error, DITHER_UNAVAILABLE, "host '%.200s' has no address", to->host);
  for (const struct addrinfo *it = candidates; it && code != DITHER_OK; it = it->ai_next) {
    code = connect_to(it, descriptor, deadline, error);
    if (code == DITHER_DEADLINE_EXCEEDED) break;
  }
  freeaddrinfo(candidates);
  return code;
}

/* ---- TLS over that socket ---- */

/* OpenSSL's own socket BIO writes without MSG_NOSIGNAL: a closed connection would raise SIGPIPE in the caller. */

static int bio_descriptor(BIO *bio) { return ((const dither_socket *)BIO_get_data(bio))->descriptor; }

static int bio_write(BIO *bio, const char *bytes, int count) {
  BIO_clear_retry_flags(bio);
  ssize_t sent = send(bio_descriptor(bio), bytes, (size_t)count, MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return (int)sent;
}

static int bio_read(BIO *bio, char *bytes, int count) {
  BIO_clear_retry_flags(bio);
  ssize_t got = recv(bio_descriptor(bio), bytes, (size_t)count, 0);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_read(bio);
  return (int)got;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
  (void)bio, (void)number, (void)pointer;
  return command == BIO_CTRL_FLUSH;
}

static dither_code fail_tls(dither_error *error, dither_code code, const char *what) {
  char reason[160] = "no reason given";
  unsigned long number = ERR_get_error();
  if (number) ERR_error_string_n(number, reason, sizeof reason);
  ERR_clear_error();
  return dither_fail(error, code, "%s: %s", what, reason);
}

static dither_code configure_context(SSL_CTX *context, const dither_options *options, dither_error *error) {
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  int trusted = options->ca_file ? SSL_CTX_load_verify_locations(context, options->ca_file, NULL)
                                 : SSL_CTX_set_default_verify_paths(context);
  if (trusted != 1) return fail_tls(error, DITHER_INVALID_ARGUMENT, "ca_file cannot be read as PEM");
  if (!options->cert_file && !options->key_file) return DITHER_OK;
  if (!options->cert_file || !options->key_file) {
    return dither_fail(error, DITHER_INVALID_ARGUMENT, "cert_file and key_file go together");
  }
  if (SSL_CTX_use_certificate_chain_file(context, options->cert_file) != 1
      || SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) != 1) {
    return fail_tls(error, DITHER_INVALID_ARGUMENT, "the client's certificate or key cannot be used");
  }
  return DITHER_OK;
}

/* The name or the address that the server's certificate must carry, the protocol asked for, and our BIO. */
static dither_code configure_session(dither_socket *socket, const char *name, dither_error *error) {
  static const unsigned char protocols[] = "\x08" "dither/1";
  unsigned char scratch[sizeof(struct in6_addr)];
  int is_address = inet_pton(AF_INET, name, scratch) == 1 || inet_pton(AF_INET6, name, scratch) == 1;
  int named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(socket->ssl), name)
                         : SSL_set1_host(socket->ssl, name) && SSL_set_tlsext_host_name(socket->ssl, name);
  if (!named || SSL_set_alpn_protos(socket->ssl, protocols, sizeof protocols - 1) != 0) {
    return fail_tls(error, DITHER_INVALID_ARGUMENT, "the server's name cannot be checked");
  }
  socket->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "dither");
  BIO *bio = NULL;
  if (socket->method) {
    BIO_meth_set_write(socket->method, bio_write);
    BIO_meth_set_read(socket->method, bio_read);
    BIO_meth_set_ctrl(socket->method, bio_control);
    bio = BIO_new(socket->method);
  }
  if (!bio) return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory");
  BIO_set_data(bio, socket);
  BIO_set_init(bio, 1);
  SSL_set_bio(socket->ssl, bio, bio);
  return DITHER_OK;
}

static dither_code fail_handshake(dither_socket *socket, dither_error *error) {
  long verified = SSL_get_verify_result(socket->ssl);
  if (verified != X509_V_OK) {
    ERR_clear_error();
    return dither_fail(
        error, DITHER_UNAVAILABLE, "the server's certificate is not accepted: %s; is ca_file the server's?",
        X509_verify_cert_error_string(verified));
  }
  return fail_tls(error, DITHER_UNAVAILABLE, "no TLS 1.3 with the server");
}

static dither_code handshake(dither_socket *socket, dither_instant deadline, dither_error *error) {
  for (;;) {
    ERR_clear_error();
    int result = SSL_connect(socket->ssl);
    if (result == 1) break;
    int reason = SSL_get_error(socket->ssl, result);
    if (reason != SSL_ERROR_WANT_READ && reason != SSL_ERROR_WANT_WRITE) return fail_handshake(socket, error);
    short events = reason == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
    dither_code code = await_events(socket->descriptor, events, deadline, "starting TLS", error);
    if (code != DITHER_OK) return code;
  }
  const unsigned char *chosen = NULL;
  unsigned count = 0;
  SSL_get0_alpn_selected(socket->ssl, &chosen, &count);
  if (count != 8 || memcmp(chosen, "dither/1", 8) != 0) {
    return dither_fail(
        error, DITHER_FAILED_PRECONDITION, "this port does not speak dither/1; is it the framed door's?");
  }
  return DITHER_OK;
}

static dither_code start_tls(
    dither_socket *socket, const dither_options *options, const char *host, dither_instant deadline,
    dither_error *error) {
  socket->context = SSL_CTX_new(TLS_client_method());
  if (!socket->context) return fail_tls(error, DITHER_RESOURCE_EXHAUSTED, "TLS");
  dither_code code = configure_context(socket->context, options, error);
  if (code != DITHER_OK) return code;
  socket->ssl = SSL_new(socket->context);
  if (!socket->ssl) return fail_tls(error, DITHER_RESOURCE_EXHAUSTED, "TLS");
  code = configure_session(socket, options->server_name ? options->server_name : host, error);
  if (code != DITHER_OK) return code;
  return handshake(socket, deadline, error);
}

dither_code dither_socket_open(
    dither_socket *socket, const dither_options *options, dither_instant deadline, dither_error *error) {
  memset(socket, 0, sizeof *socket);
  socket->descriptor = -1;
  endpoint to;
  dither_code code = parse_address(options->address, &to, error);
  if (code == DITHER_OK) code = connect_any(&to, &socket->descriptor, deadline, error);
  if (code == DITHER_OK && !options->plaintext && !to.plaintext) code = start_tls(socket, options, to.host, deadline, error);
  if (code != DITHER_OK) dither_socket_close(socket);
  return code;
}

void dither_socket_close(dither_socket *socket) {
  if (socket->ssl) {
    if (SSL_is_init_finished(socket->ssl)) SSL_shutdown(socket->ssl);
    SSL_free(socket->ssl);
  }
  if (socket->context) SSL_CTX_free(socket->context);
  if (socket->method) BIO_meth_free(socket->method);
  if (socket->descriptor >= 0) close(socket->descriptor);
  ERR_clear_error();
  memset(socket, 0, sizeof *socket);
  socket->descriptor = -1;
}

/* ---- Bytes both ways ---- */

/* `moved` bytes were moved, or `events` say what to wait for. */
typedef struct progress {
  size_t moved;
  short events;
} progress;

static dither_code fail_closed(dither_error *error, int failure) {
  return dither_fail(
      error, DITHER_UNAVAILABLE, "the connection ended: %s", failure ? strerror(failure) : "closed by the server");
}

static dither_code tls_outcome(dither_socket *socket, int result, progress *made, dither_error *error) {
  int failure = errno;
  if (result == 1) return DITHER_OK;
  made->moved = 0;
  switch (SSL_get_error(socket->ssl, result)) {
    case SSL_ERROR_WANT_READ: made->events = POLLIN; return DITHER_OK;
    case SSL_ERROR_WANT_WRITE: made->events = POLLOUT; return DITHER_OK;
    case SSL_ERROR_ZERO_RETURN: return fail_closed(error, 0);
    case SSL_ERROR_SYSCALL: ERR_clear_error(); return fail_closed(error, failure);
    default: return fail_tls(error, DITHER_UNAVAILABLE, "the connection ended");
  }
}

static dither_code plain_outcome(ssize_t result, short events, progress *made, dither_error *error) {
  if (result > 0) {
    made->moved = (size_t)result;
    return DITHER_OK;
  }
  if (result == 0) return fail_closed(error, 0);
  if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return fail_closed(error, errno);
  made->events = events;
  return DITHER_OK;
}

static dither_code send_some(dither_socket *socket, dither_buffer *out, progress *made, dither_error *error) {
  const unsigned char *bytes = out->bytes + out->start;
  size_t count = dither_buffer_count(out);
  dither_code code;
  if (socket->ssl) {
    ERR_clear_error();
    errno = 0;
    code = tls_outcome(socket, SSL_write_ex(socket->ssl, bytes, count, &made->moved), made, error);
  } else {
    code = plain_outcome(send(socket->descriptor, bytes, count, MSG_NOSIGNAL), POLLOUT, made, error);
  }
  dither_buffer_consume(out, made->moved);
  return code;
}

static dither_code receive_some(dither_socket *socket, dither_buffer *in, progress *made, dither_error *error) {
  if (dither_buffer_reserve(in, chunk_bytes) != 0) {
    return dither_fail(error, DITHER_RESOURCE_EXHAUSTED, "no memory for the answer");
  }
  unsigned char *bytes = in->bytes + in->end;
  dither_code code;
  if (socket->ssl) {
    ERR_clear_error();
    errno = 0;
    code = tls_outcome(socket, SSL_read_ex(socket->ssl, bytes, chunk_bytes, &made->moved), made, error);
  } else {
    code = plain_outcome(recv(socket->descriptor, bytes, chunk_bytes, 0), POLLIN, made, error);
  }
  in->end += made->moved;
  return code;
}

dither_code dither_socket_exchange(
    dither_socket *socket, dither_buffer *out, dither_buffer *in, int until_sent, dither_instant deadline,
    dither_error *error) {
  for (;;) {
    progress sent = {0}, received = {0};
    dither_code code = DITHER_OK;
    /* A deadline that has passed holds even while bytes keep coming. */
    if (dither_poll_timeout(deadline) == 0) {
      return dither_fail(error, DITHER_DEADLINE_EXCEEDED, "the time was up while waiting for the server");
    }
    if (dither_buffer_count(out) > 0) code = send_some(socket, out, &sent, error);
    if (code != DITHER_OK) {
      /* The server may have said why before it closed. */
      dither_error ignored;
      if (receive_some(socket, in, &received, &ignored) == DITHER_OK && received.moved > 0) return DITHER_OK;
      return code;
    }
    if (until_sent && dither_buffer_count(out) == 0) return DITHER_OK;
    code = receive_some(socket, in, &received, error);
    if (code != DITHER_OK || received.moved > 0) return code;
    if (sent.moved > 0) continue;
    code = await_events(
        socket->descriptor, sent.events | received.events, deadline, "waiting for the server", error);
    if (code != DITHER_OK) return code;
  }
}
