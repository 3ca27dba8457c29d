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

enum { NIMA_API_BODY_BYTES_MAX = 512 * 1024, NIMA_API_WANTED_MAX = 10 };

struct nima_api_call {
    nima_str method;
    struct nima_url url;
    nima_str body;     /* absent: none */
    nima_str *headers; /* "Name: value" */
    size_t header_count;
    nima_str hosts;   /* the list */
    bool any_address; /* of a host that the configuration names: a private address will do */
    size_t body_max;  /* 0: NIMA_API_BODY_BYTES_MAX */
    const char *const *wanted; /* headers of the reply to keep, ends in NULL; NULL: none */
};
struct nima_api_reply {
    int status;
    int retry_after_s;
    nima_str content_type, location; /* location: absolute; absent: none */
    nima_str body;
    bool truncated;
    nima_str wanted[NIMA_API_WANTED_MAX]; /* absent: not sent */
};
extern const struct nima_action nima_api_actions[]; /* "request" comes first */

/* The text as a part of a URL: all but letters, digits, "-._~" and `also` as %XX. */
nima_str nima_url_escape(struct nima_ctx *ctx, nima_str text, const char *also);

/* One exchange; redirects are not followed. Success is any answer. */
NIMA_MUST_USE nima_rc nima_api_send(struct nima_ctx *ctx, const struct nima_api_call *call,
                                    struct nima_api_reply *out);
