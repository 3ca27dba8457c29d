#include "app/app.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/api.h"
#include "app/files.h"
#include "goals/goals.h"
#include "knowledge/knowledge.h"
#include "llm/llm.h"
#include "memory/memory.h"
#include "orchestrator/orchestrator.h"
#include "personality/personality.h"
#include "schedules/schedules.h"
#include "store/people.h"
#include "tasks/tasks.h"
#include "understand/understand.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/log.h"

enum { LIST_MAX = 64, TICK_S = 1, TELL_CHANGE_MS = 10000 };

struct nima_app {
    struct nima_config config;
    struct nima_store *store;
    struct nima_llm *llm;
    struct nima_personality *personality;
    struct nima_memory *memory;
    struct nima_goals *goals;
    struct nima_knowledge *knowledge;
    struct nima_understand *understand;
    struct nima_tasks *tasks;
    struct nima_schedules *schedules;
    struct nima_orchestrator *orchestrator;
    struct nima_http *http;
    struct nima_api api;
    uint64_t told_packs; /* which problems, as a hash */
    bool told_loaded, told_failed, told_former;
    int64_t told_change_ms, told_renewed; /* told_change_ms 0: there is none */
};

bool nima_is_loopback(nima_str host)
{
    return nima_str_starts(host, NIMA_STR("127.")) || nima_str_eq(host, NIMA_STR("::1")) ||
           nima_str_eq(host, NIMA_STR("localhost"));
}

/* "a, b,c" to a list; blanks around an entry are dropped. */
static size_t split_list(nima_str text, nima_str out[LIST_MAX])
{
    size_t count = 0;
    nima_str entry;
    while (count < LIST_MAX && nima_str_next(&text, ',', &entry)) {
        entry = nima_str_trim(entry);
        if (entry.len > 0) {
            out[count++] = entry;
        }
    }
    return count;
}

static nima_rc open_store(struct nima_ctx *ctx, struct nima_app *app)
{
    NIMA_TRY(nima_dir_make(ctx, nima_cstr(ctx, app->config.store.data)));
    struct nima_store_options options = {.address = app->config.store.address};
    NIMA_TRY(nima_store_open(ctx, &options, &app->store));
    if (nima_store_notes(app->store) != NULL) {
        nima_log_warn("%s", nima_store_notes(app->store));
    }
    if (nima_is_loopback(app->config.server.host)) {
        return NIMA_OK;
    }
    bool any;
    NIMA_TRY(nima_tokens_any(ctx, app->store, &any));
    if (!any) {
        return nima_fail_field(ctx, NIMA_E_INVALID, "host",
                               "server.host is " NIMA_FMT ": before others can reach it, make a "
                               "token with: nima token create --user NAME",
                               NIMA_ARG(app->config.server.host));
    }
    return NIMA_OK;
}

static nima_rc open_llm(struct nima_ctx *ctx, struct nima_app *app)
{
    const struct nima_config *c = &app->config;
    struct nima_llm_options options = {
        .chat = c->llm.chat,
        .embeddings = c->llm.embeddings,
        .former = c->llm.embeddings_before,
        .models_dir = c->llm.models_dir,
        .cache_dir = nima_fmt(ctx, NIMA_FMT "/cache", NIMA_ARG(c->store.data)),
        .api_key = c->llm.api_key,
        .threads = (int)c->llm.threads,
        .context_tokens = (int)c->llm.context_tokens,
        .queue_max = (int)c->llm.queue,
        .timeout_s = (int)c->llm.timeout_s};
    return nima_llm_open(ctx, &options, &app->llm);
}

static nima_rc open_personality(struct nima_ctx *ctx, struct nima_app *app)
{
    const struct nima_config *c = &app->config;
    struct nima_personality_options options = {.file = c->personality.file,
                                               .folder = c->personality.folder,
                                               .persona = c->personality.persona,
                                               .llm = app->llm,
                                               .prompt_tokens = (int)c->personality.prompt_tokens,
                                               .rules = c->personality.rules};
    NIMA_TRY(nima_personality_open(ctx, &options, &app->personality));
    nima_str problem = nima_personality_problem(ctx, app->personality);
    if (problem.ptr != NULL) {
        nima_log_warn("persona: " NIMA_FMT, NIMA_ARG(problem));
    }
    return NIMA_OK;
}

static enum nima_llm_use use_of(nima_str name)
{
    return nima_str_eq(name, NIMA_STR("on"))    ? NIMA_LLM_USE_ON
           : nima_str_eq(name, NIMA_STR("off")) ? NIMA_LLM_USE_OFF
                                                : NIMA_LLM_USE_AUTO;
}

static void open_knowledge(struct nima_ctx *ctx, struct nima_app *app)
{
    struct nima_pack_folders folders = nima_app_packs(ctx, &app->config);
    struct nima_knowledge_options options = {
        .store = app->store,
        .llm = app->llm,
        .shipped = folders.shipped,
        .own = folders.own,
        .cache = folders.cache,
        .facts_limit = (int)app->config.knowledge.facts_limit,
        .budget_tokens = (int)app->config.knowledge.budget_tokens,
        .weight = app->config.knowledge.weight,
    };
    app->knowledge = nima_knowledge_new(&options);
}

static nima_rc open_domain(struct nima_ctx *ctx, struct nima_app *app)
{
    const struct nima_config *c = &app->config;
    struct nima_memory_options memory;
    nima_memory_defaults(&memory);
    if (c->memory.vector_weight > 0 || c->memory.keyword_weight > 0) {
        memory.vector_weight = c->memory.vector_weight;
        memory.keyword_weight = c->memory.keyword_weight;
    }
    memory.recency_weight = c->memory.recency_weight;
    memory.recency_half_life_days = c->memory.recency_half_life_days;
    memory.confidence_weight = c->memory.confidence_weight;
    memory.index_idle_s = (int)c->memory.index_idle_s;
    memory.learn_model = use_of(c->memory.learn_model);
    app->memory = nima_memory_new(app->store, app->llm, &memory);
    app->goals = nima_goals_new(app->store, app->llm);
    nima_goals_wording(app->goals, use_of(c->goals.wording));
    open_knowledge(ctx, app);
    NIMA_TRY(nima_understand_open(ctx, app->llm, &app->understand));
    if (nima_understand_problem(app->understand)[0] != '\0') {
        nima_log_warn("%s", nima_understand_problem(app->understand));
    }
    NIMA_TRY(open_personality(ctx, app));
    struct nima_schedules_options schedules = {
        .store = app->store, .idle_ms = (int64_t)c->schedules.idle_minutes * 60 * 1000};
    app->schedules = nima_schedules_new(&schedules);
    struct nima_orchestrator_options options = {.store = app->store,
                                                .llm = app->llm,
                                                .memory = app->memory,
                                                .tasks = app->tasks,
                                                .personality = app->personality,
                                                .schedules = app->schedules,
                                                .keep_persona = true,
                                                .knowledge = app->knowledge,
                                                .understand = app->understand,
                                                .goals = app->goals,
                                                .writes = use_of(c->llm.writes),
                                                .goal_webhook = c->goals.webhook,
                                                .recall_limit = (int)c->memory.recall_limit};
    app->orchestrator = nima_orchestrator_new(&options);
    return NIMA_OK;
}

static void on_task_over(struct nima_ctx *ctx, void *user, const struct nima_task_over *over)
{
    const struct nima_app *app = user;
    if (nima_orchestrator_task_over(ctx, app->orchestrator, over) != NIMA_OK) {
        nima_log_warn("what task " NIMA_FMT " did is not remembered: %s", NIMA_ARG(over->task->id),
                      ctx->error.message);
    }
    if (over->task->conversation_id.ptr != NULL &&
        nima_orchestrator_tasks_said(ctx, app->orchestrator, over->task->conversation_id, false) !=
            NIMA_OK) {
        nima_log_warn("how task " NIMA_FMT " ended is not said yet: %s", NIMA_ARG(over->task->id),
                      ctx->error.message);
    }
    if (over->event.ptr != NULL &&
        nima_schedules_event(ctx, app->schedules, over->event) != NIMA_OK) {
        nima_log_warn("schedules were not told of " NIMA_FMT ": %s", NIMA_ARG(over->event),
                      ctx->error.message);
    }
}

static nima_rc open_tasks(struct nima_ctx *ctx, struct nima_app *app)
{
    const struct nima_config *c = &app->config;
    struct nima_tasks_options options = {.store = app->store,
                                         .data = c->store.data,
                                         .file_roots = c->tasks.file_roots,
                                         .file_permission = c->tasks.file_permission,
                                         .api_permission = c->tasks.api_permission,
                                         .allow = c->tasks.allow,
                                         .ask = c->tasks.ask,
                                         .deny = c->tasks.deny,
                                         .two_person = c->tasks.two_person,
                                         .approvers = c->tasks.approvers,
                                         .api_hosts = c->tasks.api_hosts,
                                         .secrets_file = c->tasks.secrets_file,
                                         .processor = NIMA_STR("/proc/self/exe"),
                                         .k8s_kubeconfig = c->tasks.k8s_kubeconfig,
                                         .k8s_context = c->tasks.k8s_context,
                                         .k8s_namespaces = c->tasks.k8s_namespaces,
                                         .k8s_permission = c->tasks.k8s_permission,
                                         .k8s_kubectl = c->tasks.k8s_kubectl,
                                         .k8s_service_account = c->tasks.k8s_service_account,
                                         .llm = app->llm,
                                         .ask_model = use_of(c->tasks.ask_model),
                                         .program_permission = c->tasks.program_permission,
                                         .sandbox = c->tasks.sandbox,
                                         .github_permission = c->tasks.github_permission,
                                         .github_api_url = c->tasks.github_api_url,
                                         .github_token_secret = c->tasks.github_token_secret,
                                         .github_repos = c->tasks.github_repos,
                                         .github_author = c->tasks.github_author,
                                         .github_signoff = c->tasks.github_signoff,
                                         .workers = (int)c->tasks.workers,
                                         .waiting_max = c->tasks.waiting_max,
                                         .lease_ms = c->tasks.lease_s * 1000,
                                         .approval_s = c->tasks.approval_s};
    return nima_tasks_open(ctx, &options, &app->tasks);
}

static nima_rc open_http(struct nima_ctx *ctx, struct nima_app *app)
{
    const struct nima_config *c = &app->config;
    nima_str origins[LIST_MAX], hosts[LIST_MAX];
    app->api = (struct nima_api){.store = app->store,
                                 .llm = app->llm,
                                 .memory = app->memory,
                                 .goals = app->goals,
                                 .knowledge = app->knowledge,
                                 .understand = app->understand,
                                 .tasks = app->tasks,
                                 .orchestrator = app->orchestrator,
                                 .personality = app->personality,
                                 .schedules = app->schedules,
                                 .started_ms = nima_mono_ms(),
                                 .version = NIMA_VERSION,
                                 .store_ok = true,
                                 .token_needed = !nima_is_loopback(c->server.host)};
    struct nima_http_options options = {
        .host = c->server.host,
        .port = (int)c->server.port,
        .io_threads = (int)c->server.io_threads,
        .workers = (int)c->server.workers,
        .connections_max = (int)c->server.connections,
        .body_bytes_max = (size_t)c->server.body_kib << 10,
        .header_bytes_max = (size_t)c->server.header_kib << 10,
        .header_timeout_s = (int)c->server.header_timeout_s,
        .request_timeout_s = (int)c->server.request_timeout_s,
        .cors_origins = origins,
        .cors_origin_count = split_list(c->server.cors_origins, origins),
        .allowed_hosts = hosts,
        .allowed_host_count = split_list(c->server.allowed_hosts, hosts),
        .tables = nima_api_tables,
        .app = &app->api,
        .authorize = nima_api_authorize,
        .idempotency = &nima_api_idempotency,
        .hooks_user = &app->api,
        .title = "Nima",
        .version = NIMA_VERSION,
    };
    NIMA_TRY(nima_http_start(ctx, &options, &app->http));
    app->api.http = app->http;
    nima_schedules_watch(app->schedules, nima_orchestrator_look, app->orchestrator);
    nima_schedules_start(app->schedules, nima_orchestrator_scheduled, app->orchestrator);
    nima_tasks_tell(app->tasks, on_task_over, app);
    return NIMA_OK;
}

nima_rc nima_app_open(struct nima_ctx *ctx, const struct nima_config *config, struct nima_app **out)
{
    struct nima_app *app = NIMA_XNEW(struct nima_app, 1);
    app->config = *config;
    nima_rc rc = open_store(ctx, app);
    if (rc == NIMA_OK) {
        rc = open_llm(ctx, app);
    }
    if (rc == NIMA_OK) {
        rc = open_tasks(ctx, app);
    }
    if (rc == NIMA_OK) {
        rc = open_domain(ctx, app);
    }
    if (rc == NIMA_OK) {
        rc = open_http(ctx, app);
    }
    if (rc != NIMA_OK) {
        nima_app_close(app);
        return rc;
    }
    *out = app;
    return NIMA_OK;
}

int nima_app_port(const struct nima_app *app)
{
    return nima_http_port(app->http);
}

/* Models load while we serve already; say once how that went. */
static void tell_models(struct nima_app *app)
{
    struct nima_llm_state state;
    nima_llm_state(app->llm, &state);
    if (!app->told_loaded && state.chat_loaded &&
        (state.embeddings_loaded || state.embeddings_failed)) {
        app->told_loaded = true;
        nima_log_info("ready after %lld ms: chat %s, embeddings %s",
                      (long long)(nima_mono_ms() - app->api.started_ms), state.chat_model,
                      state.embeddings_loaded ? state.embedding_model : "none");
    }
    if (!app->told_failed && (state.chat_failed || state.embeddings_failed)) {
        app->told_failed = true;
        nima_log_error("%s", state.problem);
    }
}

static void tick_personality(struct nima_ctx *ctx, struct nima_app *app)
{
    bool changed = false;
    if (nima_personality_tick(ctx, app->personality, &changed) != NIMA_OK) {
        nima_log_error("persona: %s; it stays as it was", ctx->error.message);
    } else if (changed) {
        nima_log_info("the personas were read again");
    }
}

/* A pack that cannot be used is named once, and again when something else is wrong with it. */
static void tick_packs(struct nima_ctx *ctx, struct nima_app *app)
{
    struct nima_pack_state state;
    uint64_t told = 0;
    nima_knowledge_tick(ctx, app->knowledge);
    nima_knowledge_state(ctx, app->knowledge, &state);
    for (size_t i = 0; i < state.problems.count; i++) {
        told = told * 31 + nima_str_hash(state.problems.items[i]);
    }
    for (size_t i = 0; told != app->told_packs && i < state.problems.count; i++) {
        nima_log_warn("pack left out: " NIMA_FMT, NIMA_ARG(state.problems.items[i]));
    }
    app->told_packs = told;
}

/* What serves until the facts are embedded anew. */
static void tell_former(struct nima_app *app, const struct nima_memory_change *change)
{
    if (app->told_former || change->former.ptr == NULL) {
        return;
    }
    if (change->former_loaded) {
        nima_log_info("until then they are found by meaning through " NIMA_FMT ", loaded too",
                      NIMA_ARG(change->former));
        app->told_former = true;
    } else if (change->former_failed) {
        nima_log_warn("until then those of " NIMA_FMT " are found by their words alone: that model "
                      "cannot be loaded; llm.embeddings_before can say where it is",
                      NIMA_ARG(change->former));
        app->told_former = true;
    }
}

/* The embedding model is another one than before: say so, how far it is, and when it is over. */
static void tell_change(struct nima_ctx *ctx, struct nima_app *app)
{
    struct nima_memory_change change;
    nima_memory_change(ctx, app->memory, &change);
    int64_t now = nima_mono_ms();
    if (!change.running && change.renewed > app->told_renewed) {
        nima_log_info("embedded anew: %lld facts; %lld of %lld have a vector of " NIMA_FMT,
                      (long long)(change.renewed - app->told_renewed), (long long)change.done,
                      (long long)change.total, NIMA_ARG(change.model));
        app->told_renewed = change.renewed;
        app->told_change_ms = 0;
        app->told_former = false;
    } else if (change.running && app->told_change_ms == 0) {
        nima_log_info("%lld of %lld facts have no vector of " NIMA_FMT " and get one in the "
                      "background",
                      (long long)(change.total - change.done), (long long)change.total,
                      NIMA_ARG(change.model));
        app->told_change_ms = now;
    } else if (change.running && now - app->told_change_ms > TELL_CHANGE_MS) {
        nima_log_info("embedding anew: %lld of %lld facts done", (long long)change.done,
                      (long long)change.total);
        app->told_change_ms = now;
    }
    if (change.running) {
        tell_former(app, &change);
    }
}

void nima_app_run(struct nima_ctx *ctx, struct nima_app *app)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    struct timespec soon = {0, 50 * 1000000L};
    struct timespec tick = {TICK_S, 0};
    bool more = false;
    for (;;) {
        int signal_number = sigtimedwait(&stops, NULL, app->told_loaded && !more ? &tick : &soon);
        if (signal_number > 0) {
            nima_log_info("stopping on %s; running replies get %lld s",
                          signal_number == SIGINT ? "SIGINT" : "SIGTERM",
                          (long long)app->config.server.stop_grace_s);
            return;
        }
        tell_models(app);
        atomic_store(&app->api.store_ok, nima_store_ping(ctx, app->store) == NIMA_OK);
        more = nima_memory_tick(ctx, app->memory);
        tell_change(ctx, app);
        tick_personality(ctx, app);
        tick_packs(ctx, app);
        nima_ctx_reset(ctx);
    }
}

void nima_app_close(struct nima_app *app)
{
    if (app == NULL) {
        return;
    }
    if (app->http != NULL) {
        nima_http_stop(app->http, (int)app->config.server.stop_grace_s * 1000);
    }
    if (app->schedules != NULL) {
        nima_schedules_stop(app->schedules);
    }
    if (app->tasks != NULL) {
        nima_tasks_tell(app->tasks, NULL, NULL);
    }
    nima_orchestrator_free(app->orchestrator);
    nima_schedules_free(app->schedules);
    nima_personality_close(app->personality);
    nima_goals_free(app->goals);
    nima_knowledge_free(app->knowledge);
    nima_understand_close(app->understand);
    nima_memory_free(app->memory);
    nima_tasks_close(app->tasks, app->config.server.stop_grace_s * 1000);
    nima_llm_close(app->llm);
    nima_store_close(app->store);
    free(app);
}
