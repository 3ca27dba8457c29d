#pragma once
/*
 * openai_int: one POST to an OpenAI-compatible server, over libcurl, on the caller's thread.
 */
#include "llm/llm_int.h"

struct nima_http_pool; /* idle connections, shared by all workers */

struct nima_http_pool *nima_http_pool_new(nima_str base_url, nima_str api_key, int timeout_s);
void nima_http_pool_free(struct nima_http_pool *pool);

struct nima_http_post {
    const char *path; /* "/chat/completions" */
    nima_str body;
    /* Events of a text/event-stream, one data field each, as they come; what is no event stream is
     * collected and returned whole. Anything but NIMA_OK ends the transfer with that result. */
    nima_rc (*on_event)(struct nima_ctx *ctx, void *user, nima_str data);
    void *user;
    size_t reply_bytes_max;
};

/* Tries again, with growing pauses, while nothing was received: on connections that fail, on 429
 * and on 5xx. *out is the body when it was no event stream, else empty. MODEL, RATE, BUSY,
 * UNAVAILABLE, TIMEOUT, CANCELLED with a message for people; never with the key in it. */
NIMA_MUST_USE nima_rc nima_http_post(struct nima_ctx *ctx, struct nima_http_pool *pool,
                                     const struct nima_http_post *post, nima_str *out);
