#pragma once
/*
 * A server on a free port with a small table of routes, and a client that speaks raw bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "http/http.h"

struct server {
    struct nima_ctx ctx;
    struct nima_http *http;
    int port;
    /* What handlers saw, and what they are to do. */
    atomic_int calls;                 /* of /echo and /kept */
    atomic_int running;               /* handlers of /wait and /stream at work */
    atomic_bool go;                   /* /wait returns once it is set */
    atomic_bool cancelled;            /* a handler saw its client leave */
    atomic_int_fast64_t cancelled_ms; /* when */
    atomic_int sent;                  /* frames of /stream that were taken */
};

/* With defaults where `options` (may be NULL) says nothing; tables and app are filled in. */
void server_open(struct server *server, const struct nima_http_options *options);
void server_close(struct server *server, int grace_ms);
extern const struct nima_route *const server_tables[];

struct reply {
    int status;
    char *head; /* with the status line, NUL-terminated */
    char *body; /* chunks joined, NUL-terminated */
    size_t body_len;
    bool closed; /* nothing came, or the end came before the reply was whole */
};

int client_open(const struct server *server);
void client_send(int fd, const char *text);
void client_send_bytes(int fd, const char *bytes, size_t len);
/* The next reply on a connection; `head_only` for HEAD. Interim replies (1xx) are skipped. */
void client_read(int fd, bool head_only, struct reply *out);
void reply_free(struct reply *reply);
/* One request on a connection of its own: "GET /x", further headers each with \r\n (Host first, if
 * any), a body or NULL (which gets Content-Type and Content-Length). */
void client_ask(const struct server *server, const char *request, const char *headers,
                const char *body, struct reply *out);
/* The value of a reply's header in a static buffer, or "" when it has none. */
const char *reply_header(const struct reply *reply, const char *name);
/* Reads until `needle` has come or ms have passed. */
bool client_wait_for(int fd, const char *needle, int ms);
void wait_until_at_least(atomic_int *value, int least, int ms);
void wait_until_true(atomic_bool *value, int ms);
void nap_ms(int ms);
