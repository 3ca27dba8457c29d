#pragma once
/*
 * api_int: which hosts may be reached, and one request. Private to this room.
 */
#include <sys/socket.h>

#include "tasks/tasks_int.h"

/* A URL taken apart: http or https, without a user in it. */
struct nima_url {
    nima_str text;   /* as given */
    nima_str scheme; /* lower case */
    nima_str host;   /* lower case, an IPv6 address without brackets */
    int port;
    nima_str path; /* "/…", without the query */
};
NIMA_MUST_USE nima_rc nima_url_read(struct nima_ctx *ctx, nima_str text, struct nima_url *out);
/* Whether the list names the host (and port, where the entry does). */
bool nima_host_listed(nima_str list, nima_str host, int port);
/* Whether an address that a name stood for may be connected to: a public one, or one that is itself
 * in the list ("localhost" stands for the loopback). */
bool nima_address_allowed(nima_str list, const struct sockaddr *address);

struct nima_api_call {
    nima_str method;
    struct nima_url url;
    nima_str body;     /* absent: none */
    nima_str *headers; /* "Name: value" */
    size_t header_count;
    nima_str hosts; /* the list */
};
struct nima_api_reply {
    int status;
    int retry_after_s;
    nima_str content_type, location; /* location: absolute; absent: none */
    nima_str body;
    bool truncated;
};
enum { NIMA_API_BODY_BYTES_MAX = 512 * 1024 };
extern const struct nima_action nima_api_actions[]; /* "request" comes first */

/* One exchange; redirects are not followed. Success is any answer. */
NIMA_MUST_USE nima_rc nima_api_send(struct nima_ctx *ctx, const struct nima_api_call *call,
                                    struct nima_api_reply *out);
