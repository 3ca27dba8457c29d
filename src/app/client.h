#pragma once
/*
 * client: HTTP as `nima chat` and `nima doctor` need it, over libcurl.
 * Ownership  Results live in ctx->arena.
 * Errors     UNAVAILABLE nobody answers there, CANCELLED stopped by us, MODEL a broken connection,
 *            INVALID an address that is none.
 */
#include "util/ctx.h"

/* Takes what arrives; false stops the transfer, which then is CANCELLED. */
typedef bool (*nima_client_on_data)(void *user, long status, nima_str data);

struct nima_client_call {
    nima_str url;
    nima_str token;        /* sent as Bearer; absent: none */
    nima_str json;         /* POSTed; absent: a GET */
    int connect_ms;        /* 0: 5 s */
    int total_ms;          /* 0: no limit but 10 minutes of silence */
    bool (*stopped)(void); /* asked often; may be NULL */
    const char *header;    /* its value goes to *header_out, also when the transfer is stopped */
    nima_str *header_out;
    nima_client_on_data on_data; /* NULL: the body is collected, at most 1 MiB */
    void *user;
};
struct nima_client_reply {
    long status;
    nima_str body; /* what was collected */
};
NIMA_MUST_USE nima_rc nima_client_run(struct nima_ctx *ctx, const struct nima_client_call *call,
                                      struct nima_client_reply *out);
/* "http://HOST:PORT" of a server that listens on `host`: a wildcard is reached by loopback. */
nima_str nima_client_url(struct nima_ctx *ctx, nima_str host, int port);
/* The message of an error document {"error": {"message": …}}, or "the server said STATUS". */
nima_str nima_client_error(struct nima_ctx *ctx, const struct nima_client_reply *reply);
