/* nima migrate: the store's schema, shown and brought up to date. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "store/store.h"

static size_t print_states(const struct nima_migration_states *states)
{
    size_t pending = 0;
    printf("%-8s %-44s %s\n", "version", "name", "applied");
    for (size_t i = 0; i < states->count; i++) {
        const struct nima_migration_state *state = &states->items[i];
        pending += !state->applied;
        printf("%-8d %-44.*s " NIMA_FMT "\n", state->version, NIMA_ARG(state->name),
               NIMA_ARG(state->applied ? state->applied_at : NIMA_STR("not yet")));
    }
    return pending;
}

static nima_rc status(struct nima_ctx *ctx, const struct nima_store_options *options)
{
    struct nima_migration_states states;
    NIMA_TRY(nima_store_migrations(ctx, options, &states));
    size_t pending = print_states(&states);
    if (pending > 0) {
        printf("\n%zu to apply: nima migrate up (the server does it too when it starts)\n",
               pending);
    } else {
        printf("\nup to date\n");
    }
    return NIMA_OK;
}

static size_t count_applied(const struct nima_migration_states *states)
{
    size_t applied = 0;
    for (size_t i = 0; i < states->count; i++) {
        applied += states->items[i].applied;
    }
    return applied;
}

static nima_rc up(struct nima_ctx *ctx, const struct nima_store_options *options)
{
    struct nima_migration_states states;
    NIMA_TRY(nima_store_migrations(ctx, options, &states));
    size_t before = count_applied(&states);
    struct nima_store *store;
    NIMA_TRY(nima_store_open(ctx, options, &store));
    nima_store_close(store);
    NIMA_TRY(nima_store_migrations(ctx, options, &states));
    print_states(&states);
    printf("\napplied %zu, up to date\n", count_applied(&states) - before);
    return NIMA_OK;
}

static int migrate(struct nima_ctx *ctx, bool apply, int argc, char **argv)
{
    struct nima_config config;
    int code = nima_command_config(ctx, argc, argv, &config);
    if (code != NIMA_EXIT_DONE) {
        return code;
    }
    struct nima_store_options options = {.address = config.store.address};
    nima_rc rc = apply ? up(ctx, &options) : status(ctx, &options);
    return rc == NIMA_OK ? NIMA_EXIT_DONE : nima_command_fail(ctx, rc);
}

int nima_cmd_migrate(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "copy") == 0) {
        return nima_cmd_copy(argc - 1, argv + 1);
    }
    bool apply = argc > 0 && strcmp(argv[0], "up") == 0;
    if (argc == 0 || (!apply && strcmp(argv[0], "status") != 0)) {
        return nima_command_usage("migrate");
    }
    struct nima_ctx ctx;
    nima_ctx_init(&ctx);
    int code = migrate(&ctx, apply, argc - 1, argv + 1);
    nima_ctx_done(&ctx);
    return code;
}
