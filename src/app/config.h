#pragma once
/*
 * config: every setting, from flag, environment, file or default, in this order of precedence.
 * One table (config_rows.c) names each key once: it parses, validates, documents and shows it.
 * Ownership  Texts live in ctx->arena of the load; keep that ctx as long as the config.
 * Errors     INVALID naming file, line and column, or the variable or flag, the key, what is
 * allowed and the nearest valid key.
 */
#include "util/ctx.h"

enum nima_config_kind { NIMA_CONFIG_STR, NIMA_CONFIG_INT, NIMA_CONFIG_NUM, NIMA_CONFIG_BOOL };

struct nima_config {
    struct {
        nima_str host, cors_origins, allowed_hosts, log_level, log_format;
        int64_t port, io_threads, workers, connections, body_kib, header_kib, header_timeout_s,
            request_timeout_s, stop_grace_s;
    } server;
    struct {
        nima_str address, data;
    } store;
    struct {
        nima_str chat, embeddings, embeddings_before, models_dir, api_key;
        int64_t threads, context_tokens, queue, timeout_s;
        nima_str writes;
    } llm;
    struct {
        double vector_weight, keyword_weight, recency_weight, recency_half_life_days,
            confidence_weight;
        int64_t recall_limit, index_idle_s;
        nima_str learn_model;
    } memory;
    struct {
        nima_str file, folder, persona;
        int64_t prompt_tokens;
        bool rules;
    } personality;
    struct {
        nima_str packs;
        int64_t facts_limit, budget_tokens;
        double weight;
    } knowledge;
    struct {
        nima_str file_roots, file_permission, api_permission, allow, ask, deny, two_person,
            approvers, api_hosts, secrets_file, k8s_kubeconfig, k8s_context, k8s_namespaces,
            k8s_permission, k8s_kubectl, k8s_service_account;
        nima_str github_permission, github_api_url, github_token_secret, github_repos,
            github_author;
        bool github_signoff;
        int64_t workers, lease_s, approval_s, waiting_max;
        nima_str program_permission, sandbox;
        nima_str ask_model;
    } tasks;
    struct {
        int64_t idle_minutes;
    } schedules;
    struct {
        nima_str wording, webhook;
    } goals;
    nima_str file; /* the nima.yaml that was read; absent: none */
};

struct nima_config_row {
    const char *section, *key;
    enum nima_config_kind kind;
    size_t offset;
    const char *preset; /* as written in the file */
    double low, high;   /* numbers: bounds when high > low */
    const char *const *choices;
    const char *flag; /* "--port", or NULL */
    const char *env;  /* a short name beside NIMA_<SECTION>_<KEY>, or NULL */
    bool secret;      /* never shown */
    bool filled;      /* STR: an empty text is refused */
    const char *doc;
};
extern const struct nima_config_row nima_config_rows[];
extern const size_t nima_config_row_count;

/* Where a value came from, for `nima config show --origin`; by row. */
struct nima_config_origins {
    nima_str *items; /* "default", "configs/nima.yaml:3", "NIMA_PORT", "--port" */
};

/* Reads configs/nima.yaml (or --config FILE, or NIMA_CONFIG), the environment and the flags in
 * argv, which must all be known ones. `environ_` is NULL-terminated "NAME=value". */
NIMA_MUST_USE nima_rc nima_config_load(struct nima_ctx *ctx, int argc, char *const *argv,
                                       char *const *environ_, struct nima_config *out,
                                       struct nima_config_origins *origins_out);
/* A value as text, for showing; secrets as "(set)". */
nima_str nima_config_value(struct nima_ctx *ctx, const struct nima_config *config,
                           const struct nima_config_row *row);
/* The annotated file with every key at its default, as configs/nima.yaml is shipped. */
struct nima_buf;
void nima_config_example(struct nima_buf *buf);
/* $NIMA_CACHE, or nima below $XDG_CACHE_HOME or ~/.cache: where models are. */
nima_str nima_cache_dir(struct nima_ctx *ctx);
