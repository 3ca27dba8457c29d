/*
 * The api integration: asks services over HTTP. Only hosts on the list are asked, redirects are
 * held to the same list and policies, and a service that takes an Idempotency-Key gets the same one
 * with every attempt of a task.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tasks/api/api_int.h"
#include "util/base64.h"
#include "util/clock.h"
#include "util/digest.h"

enum {
    HEADERS_MAX = 50,
    HEADER_BYTES_MAX = 8000,
    REDIRECTS_MAX = 5,
    BODY_BYTES_MAX = 1 << 20,
    SHOWN_BYTES_MAX = 200,
};

struct api_params {
    nima_str method, url, headers, json, body, form, secret;
    int64_t expect_status;
};
#define URL                                                                                        \
    NIMA_FIELD(STR, struct api_params, url, .required = true, .max = 8000,                         \
               .doc = "http:// or https://, to a host of tasks.api_hosts.")
#define HEADERS                                                                                    \
    NIMA_FIELD(JSON, struct api_params, headers, .doc = "Names and values of further headers.")
#define EXPECT                                                                                     \
    NIMA_FIELD(INT, struct api_params, expect_status, .min = 0, .max = 599,                        \
               .doc = "The status that means success; 0: any from 200 to 299.")

static const struct nima_field request_fields[] = {
    NIMA_FIELD(STR, struct api_params, method, .preset_str = "GET",
               .choices =
                   (const char *const[]){"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL},
               .doc = "GET and HEAD only read."),
    URL,
    HEADERS,
    NIMA_FIELD(ANY, struct api_params, json, .doc = "The body, as JSON."),
    NIMA_FIELD(STR, struct api_params, body, .blank_ok = true, .max = BODY_BYTES_MAX,
               .doc = "The body, as text."),
    NIMA_FIELD(JSON, struct api_params, form, .doc = "The body, as the fields of a form."),
    EXPECT,
};
static const struct nima_field webhook_fields[] = {
    URL,
    HEADERS,
    NIMA_FIELD(ANY, struct api_params, json, .required = true, .doc = "The body, as JSON."),
    NIMA_FIELD(STR, struct api_params, secret, .max = 4096,
               .doc = "Signs the body: X-Nima-Signature: t=SECONDS,v1=HMAC-SHA-256 of \"t.body\"."),
    EXPECT,
};
static const struct nima_shape request_shape =
    NIMA_SHAPE("ApiRequest", struct api_params, request_fields);
static const struct nima_shape webhook_shape =
    NIMA_SHAPE("ApiWebhook", struct api_params, webhook_fields);

static nima_str method_of(const struct api_params *p)
{
    return p->method.ptr != NULL ? p->method : NIMA_STR("POST");
}

static bool writes_with(const void *params)
{
    nima_str method = method_of(params);
    return !nima_str_eq(method, NIMA_STR("GET")) && !nima_str_eq(method, NIMA_STR("HEAD"));
}

/* "GET example.com:8080/v1/things": the port where it is not the scheme's own. */
static nima_str resource_of(struct nima_ctx *ctx, nima_str method, const struct nima_url *url)
{
    int usual = nima_str_eq(url->scheme, NIMA_STR("https")) ? 443 : 80;
    nima_str port = url->port != usual ? nima_fmt(ctx, ":%d", url->port) : NIMA_STR("");
    return nima_fmt(ctx, NIMA_FMT " " NIMA_FMT NIMA_FMT NIMA_FMT, NIMA_ARG(method),
                    NIMA_ARG(url->host), NIMA_ARG(port), NIMA_ARG(url->path));
}

static nima_rc resources(struct nima_ctx *ctx, const struct nima_tasks *tasks, const void *params,
                         nima_str out[NIMA_ACTION_RESOURCES])
{
    const struct api_params *p = params;
    struct nima_url url;
    NIMA_TRY(nima_url_read(ctx, p->url, &url));
    if (!nima_host_listed(tasks->options.api_hosts, url.host, url.port)) {
        return nima_fail_field(ctx, NIMA_E_FORBIDDEN, "params.url",
                               "tasks.api_hosts: " NIMA_FMT ":%d is not on the list",
                               NIMA_ARG(url.host), url.port);
    }
    out[0] = resource_of(ctx, method_of(p), &url);
    return NIMA_OK;
}

/* What is sent */

struct message {
    nima_str method, body;
    nima_str headers[HEADERS_MAX + 4];
    size_t count;
};

static nima_rc bad_header(struct nima_ctx *ctx, nima_str name, const char *why)
{
    return nima_fail_field(ctx, NIMA_E_INVALID, "params.headers", "the header \"" NIMA_FMT "\" %s",
                           NIMA_ARG(nima_utf8_prefix(name, 60)), why);
}

/* These are what the connection is made of, or ours. */
static bool is_reserved(nima_str name)
{
    static const char *const names[] = {"host",       "content-length", "transfer-encoding",
                                        "connection", "expect",         "upgrade",
                                        "te",         "trailer",        "keep-alive"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (nima_str_eq_nocase(name, nima_str_of(names[i]))) {
            return true;
        }
    }
    return nima_str_starts_nocase(name, NIMA_STR("proxy-"));
}

static nima_rc check_header(struct nima_ctx *ctx, nima_str name, nima_str value)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (!isalnum(c) && strchr("!#$%&'*+-.^_`|~", c) == NULL) {
            return bad_header(ctx, name, "has a name that is none");
        }
    }
    for (size_t i = 0; i < value.len; i++) {
        if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7f) {
            return bad_header(ctx, name, "holds a control character");
        }
    }
    if (name.len == 0 || name.len + value.len > HEADER_BYTES_MAX) {
        return bad_header(ctx, name, "is empty or too long");
    }
    return is_reserved(name) ? bad_header(ctx, name, "cannot be given") : NIMA_OK;
}

static nima_rc add_headers(struct nima_ctx *ctx, nima_str json, struct message *message)
{
    const struct nima_json *tree;
    if (json.ptr == NULL) {
        return NIMA_OK;
    }
    NIMA_TRY(nima_json_parse(ctx, json, &tree));
    for (size_t i = 0; i < nima_json_count(tree); i++) {
        nima_str name, value = nima_json_str(nima_json_at(tree, i, &name));
        if (value.ptr == NULL || message->count >= HEADERS_MAX) {
            return bad_header(ctx, name, value.ptr == NULL ? "must be a text" : "is one too many");
        }
        NIMA_TRY(check_header(ctx, name, value));
        /* libcurl reads "Name:" as taking the header out, "Name;" as an empty one. */
        message->headers[message->count++] =
            value.len > 0 ? nima_fmt(ctx, NIMA_FMT ": " NIMA_FMT, NIMA_ARG(name), NIMA_ARG(value))
                          : nima_fmt(ctx, NIMA_FMT ";", NIMA_ARG(name));
    }
    return NIMA_OK;
}

static nima_rc form_body(struct nima_ctx *ctx, nima_str json, nima_str *out)
{
    const struct nima_json *tree;
    struct nima_buf buf;
    NIMA_TRY(nima_json_parse(ctx, json, &tree));
    nima_buf_init(&buf, BODY_BYTES_MAX);
    for (size_t i = 0; i < nima_json_count(tree); i++) {
        nima_str name;
        const struct nima_json *node = nima_json_at(tree, i, &name);
        nima_str value = nima_json_str(node);
        value = value.ptr != NULL ? value : nima_json_text(ctx, node);
        nima_buf_add(&buf, i > 0 ? NIMA_STR("&") : NIMA_STR(""));
        nima_buf_add(&buf, nima_url_escape(ctx, name, ""));
        nima_buf_add_char(&buf, '=');
        nima_buf_add(&buf, nima_url_escape(ctx, value, ""));
    }
    nima_rc rc = nima_buf_take(ctx, &buf, out);
    nima_buf_done(&buf);
    return rc;
}

static bool has_header(const struct message *message, const char *name)
{
    for (size_t i = 0; i < message->count; i++) {
        if (nima_str_starts_nocase(message->headers[i], nima_str_of(name))) {
            return true;
        }
    }
    return false;
}

static void add_own(struct message *message, const char *name, nima_str line)
{
    if (!has_header(message, name)) {
        message->headers[message->count++] = line;
    }
}

static nima_rc build(struct nima_ctx *ctx, const struct nima_job *job, struct message *out)
{
    const struct api_params *p = job->params;
    int bodies = (p->json.ptr != NULL) + (p->body.ptr != NULL) + (p->form.ptr != NULL);
    *out = (struct message){.method = method_of(p)};
    if (bodies > 1 || (bodies > 0 && !writes_with(p))) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "params.body",
                               "give one of json, body and form, and none with GET or HEAD");
    }
    NIMA_TRY(add_headers(ctx, p->headers, out));
    if (p->json.ptr != NULL) {
        out->body = p->json;
        add_own(out, "content-type:", NIMA_STR("Content-Type: application/json"));
    } else if (p->form.ptr != NULL) {
        NIMA_TRY(form_body(ctx, p->form, &out->body));
        add_own(out, "content-type:", NIMA_STR("Content-Type: application/x-www-form-urlencoded"));
    } else if (p->body.ptr != NULL) {
        out->body = p->body;
        add_own(out, "content-type:", NIMA_STR("Content-Type: text/plain; charset=utf-8"));
    } else if (writes_with(p)) {
        out->body = NIMA_STR("");
    }
    if (writes_with(p) && job->id.ptr != NULL) {
        add_own(out,
                "idempotency-key:", nima_fmt(ctx, "Idempotency-Key: " NIMA_FMT, NIMA_ARG(job->id)));
    }
    if (p->secret.ptr != NULL && job->id.ptr != NULL) {
        long long now = (long long)(nima_now_ms() / 1000);
        nima_str signed_text = nima_fmt(ctx, "%lld." NIMA_FMT, now, NIMA_ARG(out->body));
        nima_str mac = nima_hmac_sha256_hex(ctx, p->secret, signed_text);
        out->headers[out->count++] =
            nima_fmt(ctx, "X-Nima-Signature: t=%lld,v1=" NIMA_FMT, now, NIMA_ARG(mac));
    }
    return NIMA_OK;
}

/* Redirects */

static bool same_origin(const struct nima_url *a, const struct nima_url *b)
{
    return nima_str_eq(a->scheme, b->scheme) && nima_str_eq(a->host, b->host) && a->port == b->port;
}

/* Where the service sends us must be as allowed as where we were sent. */
static nima_rc check_redirect(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str method,
                              nima_str url)
{
    struct nima_policy policy;
    struct api_params params = {.method = method, .url = url};
    nima_rc rc = nima_policy_decide(ctx, tasks, &nima_integration_api, &nima_api_actions[0],
                                    &params, &policy);
    if (rc != NIMA_OK || policy.verdict == NIMA_DENY) {
        return nima_fail(
            ctx, NIMA_E_FORBIDDEN, "the service sends on to a place that is not allowed: " NIMA_FMT,
            NIMA_ARG(rc == NIMA_OK ? policy.row : nima_fmt(ctx, "%s", ctx->error.message)));
    }
    return NIMA_OK;
}

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Headers and signatures are for the service that was named, not for where it sends us. */
static nima_rc follow(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                      struct nima_api_call *call, const struct nima_api_reply *reply)
{
    struct nima_url next;
    bool keeps =
        reply->status == 307 || reply->status == 308 || nima_str_eq(call->method, NIMA_STR("HEAD"));
    nima_str method = keeps ? call->method : NIMA_STR("GET");
    NIMA_TRY(nima_url_read(ctx, reply->location, &next));
    NIMA_TRY(check_redirect(ctx, tasks, method, reply->location));
    if (!same_origin(&call->url, &next)) {
        bool down = nima_str_eq(call->url.scheme, NIMA_STR("https")) &&
                    nima_str_eq(next.scheme, NIMA_STR("http"));
        if (down || (keeps && call->body.ptr != NULL)) {
            return nima_fail(ctx, NIMA_E_FORBIDDEN,
                             "the service sends the request on to " NIMA_FMT ", which is refused",
                             NIMA_ARG(next.host));
        }
        call->header_count = 0;
    }
    call->method = method;
    call->url = next;
    call->body = keeps ? call->body : (nima_str){0};
    return NIMA_OK;
}

static nima_rc exchange(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                        struct nima_api_call *call, struct nima_api_reply *reply)
{
    for (int hops = 0; hops <= REDIRECTS_MAX; hops++) {
        NIMA_TRY(nima_api_send(ctx, call, reply));
        if (!is_redirect(reply->status) || reply->location.ptr == NULL) {
            return NIMA_OK;
        }
        NIMA_TRY(follow(ctx, tasks, call, reply));
    }
    return nima_fail(ctx, NIMA_E_INVALID, "the service sends on more than %d times", REDIRECTS_MAX);
}

/* Results */

struct api_out {
    nima_str url, content_type, body, body_base64;
    int64_t status;
    bool truncated;
};
static const struct nima_field out_fields[] = {
    NIMA_FIELD(INT, struct api_out, status),       NIMA_FIELD(STR, struct api_out, url),
    NIMA_FIELD(STR, struct api_out, content_type), NIMA_FIELD(STR, struct api_out, body),
    NIMA_FIELD(STR, struct api_out, body_base64),  NIMA_FIELD(BOOL, struct api_out, truncated),
};
static const struct nima_shape out_shape = NIMA_SHAPE("ApiReply", struct api_out, out_fields);

static nima_rc encode(struct nima_ctx *ctx, const struct nima_shape *shape, const void *out,
                      nima_str *result)
{
    return nima_json_encode_text(
        ctx, shape, out, (size_t)BODY_BYTES_MAX * 6 + HEADERS_MAX * HEADER_BYTES_MAX, result);
}

/* A status that is not the wished one, as the rc that says whether to try again. */
static nima_rc refuse(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                      const struct nima_api_reply *reply)
{
    nima_rc rc = NIMA_E_INVALID;
    if (reply->status == 429) {
        rc = NIMA_E_RATE;
    } else if (reply->status >= 500 || reply->status == 408) {
        rc = NIMA_E_UNAVAILABLE;
    } else if (reply->status == 401 || reply->status == 403) {
        rc = NIMA_E_FORBIDDEN;
    } else if (reply->status == 404 || reply->status == 410) {
        rc = NIMA_E_NOT_FOUND;
    }
    nima_str body = nima_utf8_valid(reply->body) ? reply->body : NIMA_STR("");
    body = nima_secrets_mask(ctx, &tasks->secrets, body); /* before it is cut */
    rc = nima_fail(ctx, rc, "the service answered %d: " NIMA_FMT, reply->status,
                   NIMA_ARG(nima_utf8_prefix(body, SHOWN_BYTES_MAX)));
    ctx->error.retry_after_s = reply->retry_after_s;
    return rc;
}

static nima_rc run(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct api_params *p = job->params;
    const struct nima_tasks *tasks = job->tasks;
    struct message message;
    struct nima_api_reply reply;
    nima_str ignored[NIMA_ACTION_RESOURCES];
    NIMA_TRY(build(ctx, job, &message));
    NIMA_TRY(resources(ctx, tasks, p, ignored)); /* with the secrets filled in */
    struct nima_api_call call = {.method = message.method,
                                 .body = message.body,
                                 .headers = message.headers,
                                 .header_count = message.count,
                                 .hosts = tasks->options.api_hosts};
    NIMA_TRY(nima_url_read(ctx, p->url, &call.url));
    NIMA_TRY(exchange(ctx, tasks, &call, &reply));
    bool good = p->expect_status != 0 ? reply.status == p->expect_status
                                      : reply.status >= 200 && reply.status < 300;
    if (!good) {
        return refuse(ctx, tasks, &reply);
    }
    nima_str body =
        reply.truncated ? nima_secrets_cut_tail(&tasks->secrets, reply.body) : reply.body;
    body.len -= reply.truncated ? nima_utf8_incomplete_tail(body) : 0;
    struct api_out out = {.url = call.url.text,
                          .content_type = reply.content_type,
                          .status = reply.status,
                          .truncated = reply.truncated};
    if (nima_utf8_valid(body)) {
        out.body = body;
    } else {
        /* Masked as bytes first: in base64 a value could not be found any more. */
        out.body_base64 = nima_base64_write(ctx, nima_secrets_mask(ctx, &tasks->secrets, body));
    }
    return encode(ctx, &out_shape, &out, result);
}

/* What would be sent */

struct preview_out {
    nima_str method, url, body;
    struct {
        nima_str *items;
        size_t count;
    } headers;
};
static const struct nima_field preview_fields[] = {
    NIMA_FIELD(STR, struct preview_out, method),
    NIMA_FIELD(STR, struct preview_out, url),
    NIMA_FIELD(STR_LIST, struct preview_out, headers),
    NIMA_FIELD(STR, struct preview_out, body),
};
static const struct nima_shape preview_shape =
    NIMA_SHAPE("ApiPreview", struct preview_out, preview_fields);

static nima_rc preview(struct nima_ctx *ctx, struct nima_job *job, nima_str *result)
{
    const struct api_params *p = job->params;
    struct message message;
    NIMA_TRY(build(ctx, job, &message));
    struct preview_out out = {.method = message.method, .url = p->url, .body = message.body};
    out.headers.items = message.headers;
    out.headers.count = message.count;
    return encode(ctx, &preview_shape, &out, result);
}

const struct nima_action nima_api_actions[] = {
    {"request", "Asks a service over HTTP.", "sent a request to", &request_shape, false,
     writes_with, resources, run, preview},
    {"webhook", "Tells a service something, signed.", "sent a webhook to", &webhook_shape, true,
     NULL, resources, run, preview},
    {0},
};

static bool configured(const struct nima_tasks *tasks)
{
    return tasks->options.api_hosts.len > 0;
}

const struct nima_integration nima_integration_api = {
    .name = "api",
    .doc = "Services over HTTP, on the hosts that are listed.",
    .actions = nima_api_actions,
    .at_once = 3,
    .secrets = true,
    .configured = configured,
    .permission = offsetof(struct nima_tasks_options, api_permission),
};
