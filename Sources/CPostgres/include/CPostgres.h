// libpq as this program uses it, found when it is first needed: a program that is never given a PostgreSQL database
// neither needs the library nor loads it.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pg_conn cpg_conn;
typedef struct pg_result cpg_result;

// The outcome of a statement, as PQresultStatus says it.
enum { CPG_COMMAND_OK = 1, CPG_TUPLES_OK = 2, CPG_FATAL_ERROR = 7 };

// Loads libpq. NULL: it is there. Else the loader's words.
const char *cpg_load(void);

// What libpq finds wrong with an address; NULL: nothing. To be freed.
char *cpg_fault(const char *address);
// A part of an address ("host", "dbname", "user", …); NULL: it does not say. To be freed.
char *cpg_part(const char *address, const char *keyword);

// Connects, waiting at most some seconds for each host of the address. Never NULL but without memory.
cpg_conn *cpg_connect(const char *address, const char *application, int seconds);
void cpg_close(cpg_conn *connection);
bool cpg_is_open(const cpg_conn *connection);
// Whether a password was asked for: one that was given was wrong, or none was given.
bool cpg_password_was_asked(const cpg_conn *connection);
const char *cpg_message(const cpg_conn *connection);
// 150003 is 15.3.
int cpg_server_version(const cpg_conn *connection);
int cpg_socket(const cpg_conn *connection);

// Sends one statement with arguments; answers come in binary.
bool cpg_send(cpg_conn *connection, const char *sql, int count, const uint32_t *types, const char *const *values,
              const int *lengths, const int *formats);
// Sends some statements without arguments.
bool cpg_send_all(cpg_conn *connection, const char *sql);
// 0: all is sent. 1: not yet. -1: the connection is lost.
int cpg_flush(cpg_conn *connection);
// Reads what has come. false: the connection is lost.
bool cpg_consume(cpg_conn *connection);
bool cpg_is_busy(cpg_conn *connection);
// How many notifications have come since it was last asked.
int cpg_notifications(cpg_conn *connection);

// The next result; NULL: there is none.
cpg_result *cpg_next(cpg_conn *connection);
void cpg_clear(cpg_result *result);
int cpg_status(const cpg_result *result);
// Five characters; "" where it is no error of the server.
const char *cpg_state(const cpg_result *result);
const char *cpg_result_message(const cpg_result *result);
int cpg_rows(const cpg_result *result);
int cpg_columns(const cpg_result *result);
const char *cpg_column_name(const cpg_result *result, int column);
uint32_t cpg_column_type(const cpg_result *result, int column);
bool cpg_is_null(const cpg_result *result, int row, int column);
const char *cpg_value(const cpg_result *result, int row, int column);
int cpg_length(const cpg_result *result, int row, int column);
// Rows that a statement has changed.
int64_t cpg_changed(cpg_result *result);
