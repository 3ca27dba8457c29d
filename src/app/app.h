#pragma once
/*
 * app: the only room that knows everybody: opens the parts in order, serves, closes them in the
 * reverse order; and the commands of the program.
 */
#include "app/config.h"

struct nima_app;

/* Opens store, models, memory, orchestrator and HTTP. */
NIMA_MUST_USE nima_rc nima_app_open(struct nima_ctx *ctx, const struct nima_config *config,
                                    struct nima_app **out);
int nima_app_port(const struct nima_app *app);
/* Serves until SIGTERM or SIGINT, which must be blocked in every thread (see main.c). */
void nima_app_run(struct nima_ctx *ctx, struct nima_app *app);
void nima_app_close(struct nima_app *app);
bool nima_is_loopback(nima_str host);

/* Exit codes of the program. */
enum { NIMA_EXIT_DONE = 0, NIMA_EXIT_FAILED = 1, NIMA_EXIT_USAGE = 2 };

/* A command: `argv` is what follows its name. Returns an exit code. */
struct nima_command {
    const char *name;
    const char *usage;   /* "serve [--host HOST] …" */
    const char *summary; /* one line */
    int (*run)(int argc, char **argv);
};
extern const struct nima_command nima_commands[]; /* ends in {0} */
const struct nima_command *nima_command_find(nima_str name);
void nima_command_help(const struct nima_command *command);

int nima_cmd_serve(int argc, char **argv);
int nima_cmd_openapi(int argc, char **argv);
int nima_cmd_config(int argc, char **argv);
int nima_cmd_models(int argc, char **argv);
int nima_cmd_migrate(int argc, char **argv);
int nima_cmd_token(int argc, char **argv);
int nima_cmd_chat(int argc, char **argv);
int nima_cmd_doctor(int argc, char **argv);
int nima_cmd_audit(int argc, char **argv);
int nima_cmd_process(int argc, char **argv);
int nima_cmd_export(int argc, char **argv);
int nima_cmd_import(int argc, char **argv);
int nima_cmd_packs(int argc, char **argv);
/* nima migrate copy: `argv` is what follows "copy". */
int nima_cmd_copy(int argc, char **argv);

/* Wrong usage: the command's usage on standard error; returns NIMA_EXIT_USAGE. */
int nima_command_usage(const char *name);
/* Takes "--name VALUE" or "--name=VALUE" out of the words; false when it is not among them. */
bool nima_command_flag(int *argc, char **argv, const char *name, nima_str *out);
bool nima_command_switch(int *argc, char **argv,
                         const char *name); /* the same for a mere "--name" */
/* INVALID for what is no person's name. */
NIMA_MUST_USE nima_rc nima_command_user(struct nima_ctx *ctx, nima_str user);
/* How far something long has come, on standard error: the same line again and again in a terminal,
 * now and then a line elsewhere. `total` 0: not known. _done ends the line. */
void nima_command_progress(const char *what, int64_t done, int64_t total);
void nima_command_progress_done(void);
/* Loads the configuration for a command; on failure prints why and returns an exit code, else 0. */
int nima_command_config(struct nima_ctx *ctx, int argc, char **argv, struct nima_config *out);
/* "nima: MESSAGE" on standard error; returns NIMA_EXIT_FAILED, or USAGE for INVALID. */
int nima_command_fail(const struct nima_ctx *ctx, nima_rc rc);
