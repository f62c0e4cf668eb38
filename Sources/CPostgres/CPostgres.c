#include "CPostgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// libpq's own header where it is installed: the compiler then checks what is written below against it. Its binary
// interface (libpq.so.5) has been the same since 2006.
#if __has_include(<postgresql/libpq-fe.h>)
#include <postgresql/libpq-fe.h>
#else
typedef struct pg_conn PGconn;
typedef struct pg_result PGresult;
typedef unsigned int Oid;
typedef struct pgNotify {
  char *relname;
  int be_pid;
  char *extra;
  struct pgNotify *next;
} PGnotify;
typedef struct _PQconninfoOption {
  char *keyword, *envvar, *compiled, *val, *label, *dispchar;
  int dispsize;
} PQconninfoOption;
typedef enum { CONNECTION_OK } ConnStatusType;
typedef enum { PGRES_EMPTY_QUERY, PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_FATAL_ERROR = 7 } ExecStatusType;
#define PG_DIAG_SQLSTATE 'C'
PGconn *PQconnectdbParams(const char *const *keywords, const char *const *values, int expand_dbname);
void PQfinish(PGconn *conn);
ConnStatusType PQstatus(const PGconn *conn);
int PQconnectionNeedsPassword(const PGconn *conn);
int PQconnectionUsedPassword(const PGconn *conn);
char *PQerrorMessage(const PGconn *conn);
int PQserverVersion(const PGconn *conn);
int PQsocket(const PGconn *conn);
int PQsetnonblocking(PGconn *conn, int arg);
int PQsendQuery(PGconn *conn, const char *query);
int PQsendQueryParams(PGconn *conn, const char *command, int nParams, const Oid *paramTypes,
                      const char *const *paramValues, const int *paramLengths, const int *paramFormats,
                      int resultFormat);
int PQflush(PGconn *conn);
int PQconsumeInput(PGconn *conn);
int PQisBusy(PGconn *conn);
PGnotify *PQnotifies(PGconn *conn);
void PQfreemem(void *ptr);
PGresult *PQgetResult(PGconn *conn);
void PQclear(PGresult *res);
ExecStatusType PQresultStatus(const PGresult *res);
char *PQresultErrorField(const PGresult *res, int fieldcode);
char *PQresultErrorMessage(const PGresult *res);
int PQntuples(const PGresult *res);
int PQnfields(const PGresult *res);
char *PQfname(const PGresult *res, int field_num);
Oid PQftype(const PGresult *res, int field_num);
int PQgetisnull(const PGresult *res, int tup_num, int field_num);
char *PQgetvalue(const PGresult *res, int tup_num, int field_num);
int PQgetlength(const PGresult *res, int tup_num, int field_num);
char *PQcmdTuples(PGresult *res);
PQconninfoOption *PQconninfoParse(const char *conninfo, char **errmsg);
void PQconninfoFree(PQconninfoOption *connOptions);
typedef void (*PQnoticeProcessor)(void *arg, const char *message);
PQnoticeProcessor PQsetNoticeProcessor(PGconn *conn, PQnoticeProcessor proc, void *arg);
#endif

_Static_assert((int)CPG_COMMAND_OK == (int)PGRES_COMMAND_OK, "as libpq counts");
_Static_assert((int)CPG_TUPLES_OK == (int)PGRES_TUPLES_OK, "as libpq counts");
_Static_assert((int)CPG_FATAL_ERROR == (int)PGRES_FATAL_ERROR, "as libpq counts");

#define EACH(do)                                                                                                      \
  do(PQconnectdbParams) do(PQfinish) do(PQstatus) do(PQconnectionNeedsPassword) do(PQconnectionUsedPassword)          \
  do(PQerrorMessage) do(PQserverVersion) do(PQsocket) do(PQsetnonblocking) do(PQsendQuery) do(PQsendQueryParams)      \
  do(PQflush) do(PQconsumeInput) do(PQisBusy) do(PQnotifies) do(PQfreemem) do(PQgetResult) do(PQclear)                \
  do(PQresultStatus) do(PQresultErrorField) do(PQresultErrorMessage) do(PQntuples) do(PQnfields) do(PQfname)          \
  do(PQftype) do(PQgetisnull) do(PQgetvalue) do(PQgetlength) do(PQcmdTuples) do(PQconninfoParse) do(PQconninfoFree)   \
  do(PQsetNoticeProcessor)

#define FIELD(name) __typeof__(&name) name;
static struct { EACH(FIELD) } pq;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *failure;

static void load(void) {
  void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    const char *words = dlerror();
    failure = words != NULL ? strdup(words) : NULL;
    if (failure == NULL) failure = "libpq.so.5 cannot be loaded";
    return;
  }
#define FIND(name)                                                                                                    \
  pq.name = (__typeof__(&name))dlsym(library, #name);                                                                 \
  if (pq.name == NULL) {                                                                                              \
    failure = "libpq.so.5 has no " #name;                                                                             \
    return;                                                                                                           \
  }
  EACH(FIND)
}

const char *cpg_load(void) {
  pthread_once(&once, load);
  return failure;
}

char *cpg_fault(const char *address) {
  char *words = NULL;
  PQconninfoOption *options = pq.PQconninfoParse(address, &words);
  if (options != NULL) {
    pq.PQconninfoFree(options);
    return NULL;
  }
  char *copy = strdup(words != NULL ? words : "an address that cannot be read");
  if (words != NULL) pq.PQfreemem(words);
  return copy;
}

char *cpg_part(const char *address, const char *keyword) {
  PQconninfoOption *options = pq.PQconninfoParse(address, NULL);
  char *found = NULL;
  for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++) {
    if (strcmp(option->keyword, keyword) == 0 && option->val != NULL) found = strdup(option->val);
  }
  if (options != NULL) pq.PQconninfoFree(options);
  return found;
}

// Notices are the server's talk, as that a table exists: nobody waits for it.
static void ignore(void *context, const char *message) {}

cpg_conn *cpg_connect(const char *address, const char *application, int seconds) {
  char wait[16];
  snprintf(wait, sizeof wait, "%d", seconds);
  // What comes first gives way to what the address says.
  const char *keywords[] = {
      "connect_timeout", "fallback_application_name", "keepalives_idle", "keepalives_interval", "keepalives_count",
      "target_session_attrs", "dbname", "client_encoding", NULL};
  const char *values[] = {wait, application, "10", "5", "3", "read-write", address, "UTF8", NULL};
  cpg_conn *connection = pq.PQconnectdbParams(keywords, values, 1);
  if (connection != NULL && pq.PQstatus(connection) == CONNECTION_OK) {
    pq.PQsetNoticeProcessor(connection, ignore, NULL);
    pq.PQsetnonblocking(connection, 1);
  }
  return connection;
}

void cpg_close(cpg_conn *connection) { pq.PQfinish(connection); }
bool cpg_is_open(const cpg_conn *connection) { return pq.PQstatus(connection) == CONNECTION_OK; }
bool cpg_password_was_asked(const cpg_conn *connection) {
  return pq.PQconnectionNeedsPassword(connection) || pq.PQconnectionUsedPassword(connection);
}
const char *cpg_message(const cpg_conn *connection) { return pq.PQerrorMessage(connection); }
int cpg_server_version(const cpg_conn *connection) { return pq.PQserverVersion(connection); }
int cpg_socket(const cpg_conn *connection) { return pq.PQsocket(connection); }

bool cpg_send(cpg_conn *connection, const char *sql, int count, const uint32_t *types, const char *const *values,
              const int *lengths, const int *formats) {
  return pq.PQsendQueryParams(connection, sql, count, types, values, lengths, formats, 1) == 1;
}
bool cpg_send_all(cpg_conn *connection, const char *sql) { return pq.PQsendQuery(connection, sql) == 1; }
int cpg_flush(cpg_conn *connection) { return pq.PQflush(connection); }
bool cpg_consume(cpg_conn *connection) { return pq.PQconsumeInput(connection) == 1; }
bool cpg_is_busy(cpg_conn *connection) { return pq.PQisBusy(connection) == 1; }
int cpg_notifications(cpg_conn *connection) {
  int count = 0;
  for (PGnotify *news; (news = pq.PQnotifies(connection)) != NULL; count++) pq.PQfreemem(news);
  return count;
}

cpg_result *cpg_next(cpg_conn *connection) { return pq.PQgetResult(connection); }
void cpg_clear(cpg_result *result) { pq.PQclear(result); }
int cpg_status(const cpg_result *result) { return (int)pq.PQresultStatus(result); }
const char *cpg_state(const cpg_result *result) {
  const char *state = pq.PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state != NULL ? state : "";
}
const char *cpg_result_message(const cpg_result *result) { return pq.PQresultErrorMessage(result); }
int cpg_rows(const cpg_result *result) { return pq.PQntuples(result); }
int cpg_columns(const cpg_result *result) { return pq.PQnfields(result); }
const char *cpg_column_name(const cpg_result *result, int column) { return pq.PQfname(result, column); }
uint32_t cpg_column_type(const cpg_result *result, int column) { return pq.PQftype(result, column); }
bool cpg_is_null(const cpg_result *result, int row, int column) { return pq.PQgetisnull(result, row, column) == 1; }
const char *cpg_value(const cpg_result *result, int row, int column) { return pq.PQgetvalue(result, row, column); }
int cpg_length(const cpg_result *result, int row, int column) { return pq.PQgetlength(result, row, column); }
int64_t cpg_changed(cpg_result *result) { return atoll(pq.PQcmdTuples(result)); }
