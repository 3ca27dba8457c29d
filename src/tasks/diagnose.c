/*
 * Doctor's look at tasks: what the configuration names and is not there. Nothing is started, made
 * or asked over the network.
 */
#include <stdlib.h>
#include <unistd.h>

#include "tasks/tasks_int.h"
#include "util/child.h"

extern char **environ;

static struct nima_tasks_finding *add(struct nima_tasks_findings *out, const char *about,
                                      enum nima_tasks_state state)
{
    nima_assert(out->count < NIMA_TASKS_FINDINGS_MAX);
    struct nima_tasks_finding *finding = &out->items[out->count++];
    *finding = (struct nima_tasks_finding){.about = about, .state = state};
    return finding;
}

/* What a server does not start with. */
static bool check_settings(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                           struct nima_secrets *secrets, struct nima_tasks_findings *out)
{
    struct nima_rules rules = {0};
    nima_rc rc = nima_rules_read(ctx, options, &rules);
    nima_rules_done(&rules);
    rc = rc == NIMA_OK ? nima_secrets_read(ctx, options->secrets_file, environ, secrets) : rc;
    if (rc != NIMA_OK) {
        add(out, "tasks", NIMA_TASKS_WRONG)->message = nima_fmt(ctx, "%s", ctx->error.message);
    }
    return rc == NIMA_OK;
}

static bool is_program(struct nima_ctx *ctx, nima_str name)
{
    const char *path;
    return nima_child_find(ctx, name, &path) == NIMA_OK;
}

static void check_github(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                         const struct nima_secrets *secrets, struct nima_tasks_findings *out)
{
    nima_str name = options->github_token_secret;
    bool token = false;
    for (size_t i = 0; i < secrets->count; i++) {
        token = token || nima_str_eq(name, nima_str_of(secrets->names[i]));
    }
    if (!token && options->github_repos.len > 0) {
        add(out, "github", NIMA_TASKS_LACKS)->message = nima_fmt(
            ctx,
            "there is no secret " NIMA_FMT ", so nothing is done on GitHub; put " NIMA_FMT
            "=TOKEN into tasks.secrets_file, or NIMA_SECRET_" NIMA_FMT " into the environment",
            NIMA_ARG(name), NIMA_ARG(name), NIMA_ARG(name));
    } else if (token && !is_program(ctx, NIMA_STR("git"))) {
        add(out, "github", NIMA_TASKS_LACKS)->message = NIMA_STR(
            "there is a token but no git, which clone and commit_and_push need; on Debian: "
            "apt-get install git");
    } else if (token) {
        add(out, "github", NIMA_TASKS_WELL)->message =
            nima_fmt(ctx, "the secret " NIMA_FMT " is there, and git", NIMA_ARG(name));
    }
}

static void check_k8s(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                      struct nima_tasks_findings *out)
{
    const char *own = nima_cstr(ctx, options->k8s_kubeconfig), *other = getenv("KUBECONFIG");
    const char *path = own[0] != '\0' ? own : other;
    bool given = path != NULL && path[0] != '\0';
    if (!given && getenv("KUBERNETES_SERVICE_HOST") == NULL) {
        return;
    }
    if (given && access(path, R_OK) != 0) {
        add(out, "k8s", NIMA_TASKS_LACKS)->message =
            nima_fmt(ctx, "%s cannot be read; set %s to a kubeconfig of this user, or to nothing",
                     path, path == own ? "tasks.k8s_kubeconfig" : "KUBECONFIG");
    } else if (!is_program(ctx, options->k8s_kubectl)) {
        add(out, "k8s", NIMA_TASKS_LACKS)->message =
            nima_fmt(ctx,
                     NIMA_FMT " is not installed; on Debian: apt-get install kubernetes-client, or "
                              "name it in tasks.k8s_kubectl",
                     NIMA_ARG(options->k8s_kubectl));
    } else {
        add(out, "k8s", NIMA_TASKS_WELL)->message =
            given ? nima_fmt(ctx, "kubectl, with %s", path)
                  : NIMA_STR("kubectl, with the service account of this pod");
    }
}

void nima_tasks_diagnose(struct nima_ctx *ctx, const struct nima_tasks_options *options,
                         struct nima_tasks_findings *out)
{
    struct nima_error before = ctx->error;
    struct nima_secrets secrets = {0};
    out->count = 0;
    if (check_settings(ctx, options, &secrets, out)) {
        check_github(ctx, options, &secrets, out);
        check_k8s(ctx, options, out);
    }
    nima_secrets_done(&secrets);
    ctx->error = before;
}
