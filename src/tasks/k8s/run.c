/*
 * One call of kubectl: which one, with what settings, and what its refusals mean. In a cluster
 * without a kubeconfig, one is written that points at the service account's own files, so that
 * there is one way only, and no token is copied.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tasks/k8s/k8s_int.h"
#include "util/child.h"
#include "util/clock.h"
#include "util/file.h"

enum {
    OUT_BYTES_MAX = 16 << 20,
    ERR_BYTES_MAX = 16 << 10,
    MESSAGE_BYTES_MAX = 400,
    REQUEST_S = 20,
    ALONE_MS = 60000, /* for what has no deadline of its own: a preview */
    ENV_MAX = 24,
};

/* Where to */

static const char *service_file(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                const char *name)
{
    return nima_fmt(ctx, NIMA_FMT "/%s", NIMA_ARG(tasks->options.k8s_service_account), name).ptr;
}

static const char *kubeconfig_given(const struct nima_tasks *tasks)
{
    const char *own = tasks->options.k8s_kubeconfig.ptr;
    return own != NULL && own[0] != '\0' ? own : getenv("KUBECONFIG");
}

static bool in_cluster(struct nima_ctx *ctx, const struct nima_tasks *tasks)
{
    return getenv("KUBERNETES_SERVICE_HOST") != NULL && getenv("KUBERNETES_SERVICE_PORT") != NULL &&
           access(service_file(ctx, tasks, "token"), R_OK) == 0;
}

bool nima_k8s_configured(const struct nima_tasks *tasks)
{
    struct nima_ctx ctx;
    const char *kubectl, *given = kubeconfig_given(tasks);
    nima_ctx_init(&ctx);
    bool there =
        given != NULL && given[0] != '\0' ? access(given, R_OK) == 0 : in_cluster(&ctx, tasks);
    there = there && nima_child_find(&ctx, tasks->options.k8s_kubectl, &kubectl) == NIMA_OK;
    nima_ctx_done(&ctx);
    return there;
}

static void write_pair(struct nima_buf *buf, const char *key, const char *value, const char *after)
{
    nima_buf_fmt(buf, "\"%s\":", key);
    nima_json_write_str(buf, nima_str_of(value));
    nima_buf_add(buf, nima_str_of(after));
}

static nima_rc write_in_cluster(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                                const char *path)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
    bool six = strchr(host, ':') != NULL;
    const char *url =
        nima_fmt(ctx, "https://%s%s%s:%s", six ? "[" : "", host, six ? "]" : "", port).ptr;
    struct nima_buf buf;
    nima_buf_init(&buf, 16 << 10);
    nima_buf_add(&buf,
                 NIMA_STR("{\"apiVersion\":\"v1\",\"kind\":\"Config\",\"clusters\":[{\"name\":"
                          "\"in-cluster\",\"cluster\":{"));
    write_pair(&buf, "server", url, ",");
    write_pair(&buf, "certificate-authority", service_file(ctx, tasks, "ca.crt"), "}}],");
    nima_buf_add(&buf, NIMA_STR("\"users\":[{\"name\":\"service-account\",\"user\":{"));
    write_pair(&buf, "tokenFile", service_file(ctx, tasks, "token"), "}}],");
    nima_buf_add(&buf, NIMA_STR("\"contexts\":[{\"name\":\"in-cluster\",\"context\":{\"cluster\":"
                                "\"in-cluster\",\"user\":\"service-account\"}}],"
                                "\"current-context\":\"in-cluster\"}\n"));
    nima_str text = {0};
    nima_rc rc = nima_buf_take(ctx, &buf, &text);
    nima_buf_done(&buf);
    NIMA_TRY(rc);
    return nima_file_write(ctx, path, text, 0600);
}

static nima_rc find_kubeconfig(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                               const char *folder, const char **out)
{
    const char *given = kubeconfig_given(tasks);
    if (given != NULL && given[0] != '\0') {
        if (access(given, R_OK) != 0) {
            return nima_fail(ctx, NIMA_E_FORBIDDEN, "the kubeconfig %s cannot be read", given);
        }
        *out = given;
        return NIMA_OK;
    }
    if (!in_cluster(ctx, tasks)) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         "no cluster is configured: set tasks.k8s_kubeconfig (or KUBECONFIG) to a "
                         "kubeconfig; see docs/kubernetes.md");
    }
    *out = nima_fmt(ctx, "%s/in-cluster.json", folder).ptr;
    return write_in_cluster(ctx, tasks, *out);
}

/* What it sees of our environment: what credential plugins and proxies need, no secret of ours. */
static const char *const *environment(struct nima_ctx *ctx)
{
    static const char *const names[] = {"PATH",
                                        "HOME",
                                        "USER",
                                        "TZ",
                                        "HTTPS_PROXY",
                                        "https_proxy",
                                        "NO_PROXY",
                                        "no_proxy",
                                        "SSL_CERT_FILE",
                                        "SSL_CERT_DIR",
                                        "AWS_PROFILE",
                                        "AWS_REGION",
                                        "AWS_CONFIG_FILE",
                                        "AWS_SHARED_CREDENTIALS_FILE",
                                        "AWS_ROLE_ARN",
                                        "AWS_WEB_IDENTITY_TOKEN_FILE",
                                        "GOOGLE_APPLICATION_CREDENTIALS",
                                        "CLOUDSDK_CONFIG"};
    size_t known = sizeof(names) / sizeof(names[0]), count = 0;
    const char **env = NIMA_NEW(ctx->arena, const char *, ENV_MAX);
    for (size_t i = 0; i < known; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL) {
            env[count++] = nima_fmt(ctx, "%s=%s", names[i], value).ptr;
        }
    }
    env[count++] = "LC_ALL=C";
    env[count++] = "KUBERC=off"; /* nobody's aliases and defaults */
    env[count++] = "KUBECTL_EXTERNAL_DIFF=false";
    return env;
}

/* What it says */

struct meaning {
    const char *words;
    nima_rc rc;
};
static const struct meaning meanings[] = {
    {"Apply failed with", NIMA_E_CONFLICT},
    {"(NotFound)", NIMA_E_NOT_FOUND},
    {"(Forbidden)", NIMA_E_FORBIDDEN},
    {"(Unauthorized)", NIMA_E_FORBIDDEN},
    {"must be logged in", NIMA_E_FORBIDDEN},
    {"asked for the client to provide credentials", NIMA_E_FORBIDDEN},
    {"x509:", NIMA_E_FORBIDDEN},
    {"tls: ", NIMA_E_FORBIDDEN},
    {"(Conflict)", NIMA_E_CONFLICT},
    {"(AlreadyExists)", NIMA_E_CONFLICT},
    {"(TooManyRequests)", NIMA_E_RATE},
    {"(ServiceUnavailable)", NIMA_E_UNAVAILABLE},
    {"(InternalError)", NIMA_E_UNAVAILABLE},
    {"(Timeout)", NIMA_E_TIMEOUT},
    {"(ServerTimeout)", NIMA_E_TIMEOUT},
    {"Client.Timeout exceeded", NIMA_E_TIMEOUT},
    {"context deadline exceeded", NIMA_E_TIMEOUT},
    {"i/o timeout", NIMA_E_TIMEOUT},
    {"TLS handshake timeout", NIMA_E_TIMEOUT},
    {"Unable to connect", NIMA_E_UNAVAILABLE},
    {"was refused", NIMA_E_UNAVAILABLE},
    {"connection refused", NIMA_E_UNAVAILABLE},
    {"connection reset", NIMA_E_UNAVAILABLE},
    {"no such host", NIMA_E_UNAVAILABLE},
    {"EOF", NIMA_E_UNAVAILABLE},
    {"doesn't have a resource type", NIMA_E_NOT_FOUND},
    {"no matches for kind", NIMA_E_NOT_FOUND},
    {"context was not found", NIMA_E_FORBIDDEN},
    {"does not exist", NIMA_E_FORBIDDEN},
};

static bool holds(nima_str text, const char *words)
{
    return nima_str_find(text, nima_str_of(words), 0) != SIZE_MAX;
}

/* What it says of the matter: without warnings, log lines, and advice on flags. */
static nima_str message_of(struct nima_ctx *ctx, const struct nima_tasks *tasks, nima_str err)
{
    struct nima_buf buf;
    nima_str line;
    nima_buf_init(&buf, ERR_BYTES_MAX);
    while (nima_str_next(&err, '\n', &line)) {
        line = nima_str_trim(line);
        bool log = line.len > 5 && strchr("EWI", line.ptr[0]) != NULL && line.ptr[1] >= '0' &&
                   line.ptr[1] <= '9';
        if (nima_str_starts(line, NIMA_STR("Please review"))) {
            break;
        }
        if (line.len > 0 && !log && !nima_str_starts(line, NIMA_STR("Warning:"))) {
            nima_str plain =
                nima_str_starts(line, NIMA_STR("error: ")) ? nima_str_sub(line, 7, line.len) : line;
            nima_buf_fmt(&buf, "%s" NIMA_FMT, buf.len > 0 ? " " : "", NIMA_ARG(plain));
        }
    }
    nima_str text = nima_str_copy(ctx->arena, nima_buf_view(&buf));
    nima_buf_done(&buf);
    text = nima_secrets_mask(ctx, &tasks->secrets, text); /* before it is cut */
    text = nima_utf8_prefix(text, MESSAGE_BYTES_MAX);
    return text.len > 0 && nima_utf8_valid(text) ? text : NIMA_STR("kubectl said nothing");
}

/* Of `conflict with "nima" using apps/v1: .spec.replicas` and the like. */
static bool conflicts_are_ours(const struct nima_child_end *end)
{
    static const char with[] = " with \"";
    size_t at = nima_str_find(end->err, nima_str_of(with), 0), seen = 0;
    for (; at != SIZE_MAX; at = nima_str_find(end->err, nima_str_of(with), at)) {
        at += sizeof(with) - 1;
        if (!nima_str_starts(nima_str_sub(end->err, at, end->err.len), NIMA_STR("nima\""))) {
            return false;
        }
        seen++;
    }
    return seen > 0 && !end->err_cut;
}

static nima_rc refused(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                       const struct nima_child_end *end)
{
    nima_str said = message_of(ctx, tasks, end->err);
    nima_rc rc = NIMA_E_INVALID;
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (holds(said, meanings[i].words) || holds(end->err, meanings[i].words)) {
            rc = meanings[i].rc;
            break;
        }
    }
    const char *hint = "";
    if (holds(said, "exceeded quota")) {
        hint = " (the namespace's quota is used up)";
    } else if (holds(end->err, "x509:")) {
        hint = " (a certificate is not accepted: renew it, or the kubeconfig)";
    } else if (holds(end->err, "must be logged in") || holds(end->err, "Unauthorized") ||
               holds(end->err, "provide credentials")) {
        hint = " (the credentials of the kubeconfig are not accepted: expired, or of another "
               "cluster)";
    } else if (holds(said, "unknown flag") || holds(said, "unknown command")) {
        hint = " (this kubectl is too old: 1.20 or newer is needed)";
    } else if (rc == NIMA_E_FORBIDDEN && holds(said, "cannot ")) {
        hint = " (the user of the kubeconfig lacks this right)";
    }
    return nima_fail(ctx, rc, NIMA_FMT "%s", NIMA_ARG(said), hint);
}

/* The call */

void nima_k8s_arg(struct nima_ctx *ctx, struct nima_k8s_call *call, const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    nima_assert(len >= 0 && call->count < NIMA_K8S_ARGS_MAX - 1);
    call->args[call->count++] = nima_arena_cstr(ctx->arena, nima_str_of(text));
    free(text);
}

static nima_rc start(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                     struct nima_k8s_call *call, struct nima_child_end *out)
{
    const struct nima_tasks_options *options = &tasks->options;
    const char *folder = nima_fmt(ctx, NIMA_FMT "/k8s", NIMA_ARG(options->data)).ptr;
    const char *program = NULL, *kubeconfig = NULL;
    nima_rc rc = nima_child_find(ctx, options->k8s_kubectl, &program);
    if (rc != NIMA_OK) {
        return nima_fail(ctx, NIMA_E_FORBIDDEN,
                         NIMA_FMT " is not installed: install kubectl (Debian: kubernetes-client), "
                                  "or name it in tasks.k8s_kubectl",
                         NIMA_ARG(options->k8s_kubectl));
    }
    NIMA_TRY(nima_dir_make(ctx, folder));
    NIMA_TRY(find_kubeconfig(ctx, tasks, folder, &kubeconfig));
    struct nima_k8s_call all = {0};
    nima_k8s_arg(ctx, &all, "%s", program);
    nima_k8s_arg(ctx, &all, "--kubeconfig=%s", kubeconfig);
    if (options->k8s_context.len > 0) {
        nima_k8s_arg(ctx, &all, "--context=" NIMA_FMT, NIMA_ARG(options->k8s_context));
    }
    if (call->namespace.len > 0) {
        nima_k8s_arg(ctx, &all, "--namespace=" NIMA_FMT, NIMA_ARG(call->namespace));
    }
    nima_k8s_arg(ctx, &all, "--cache-dir=%s/cache", folder);
    if (!call->watches) {
        nima_k8s_arg(ctx, &all, "--request-timeout=%ds", REQUEST_S);
    }
    for (size_t i = 0; i < call->count; i++) {
        nima_assert(all.count < NIMA_K8S_ARGS_MAX - 1);
        all.args[all.count++] = call->args[i];
    }
    struct nima_child child = {.argv = all.args,
                               .env = environment(ctx),
                               .folder = folder,
                               .input = call->input,
                               .out_bytes_max = OUT_BYTES_MAX,
                               .err_bytes_max = ERR_BYTES_MAX};
    return nima_child_run(ctx, &child, out);
}

nima_rc nima_k8s_run(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                     struct nima_k8s_call *call, nima_str *out)
{
    struct nima_child_end end;
    bool alone = ctx->deadline_ms == 0;
    ctx->deadline_ms = alone ? nima_mono_ms() + ALONE_MS : ctx->deadline_ms;
    nima_rc rc = start(ctx, tasks, call, &end);
    ctx->deadline_ms = alone ? 0 : ctx->deadline_ms;
    NIMA_TRY(rc);
    if (end.out_cut) {
        return nima_fail(ctx, NIMA_E_TOO_LARGE,
                         "the cluster's answer is over %d bytes: ask for less, as by a selector",
                         OUT_BYTES_MAX);
    }
    if (end.signal != 0) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "kubectl was ended by signal %d", end.signal);
    }
    if (end.code != 0) {
        call->ours = conflicts_are_ours(&end);
        return refused(ctx, tasks, &end);
    }
    *out = end.out;
    return NIMA_OK;
}

nima_rc nima_k8s_json(struct nima_ctx *ctx, const struct nima_tasks *tasks,
                      struct nima_k8s_call *call, const struct nima_json **out)
{
    nima_str text;
    NIMA_TRY(nima_k8s_run(ctx, tasks, call, &text));
    if (nima_json_parse(ctx, text, out) != NIMA_OK) {
        return nima_fail(ctx, NIMA_E_UNAVAILABLE, "kubectl's answer is no JSON");
    }
    return NIMA_OK;
}
