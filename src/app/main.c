#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/app.h"

static int print_help(FILE *to)
{
    fprintf(to, "Nima %s: a personality that remembers, on your own machine.\n\n", NIMA_VERSION);
    for (const struct nima_command *c = nima_commands; c->name != NULL; c++) {
        fprintf(to, "  nima %-8s  %s\n", c->name, c->summary);
    }
    fprintf(to, "\nnima COMMAND --help tells more. Exit codes: 0 done, 1 failed, 2 wrong usage.\n");
    return to == stdout ? NIMA_EXIT_DONE : NIMA_EXIT_USAGE;
}

/* Signals that stop us are taken by one thread in nima_app_run; so they are blocked before any
 * other thread is made. A client that left must not end the process either. */
static void block_signals(void)
{
    sigset_t stops;
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        return print_help(stderr);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        return print_help(stdout);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("nima %s\n", NIMA_VERSION);
        return NIMA_EXIT_DONE;
    }
    const struct nima_command *command = nima_command_find(nima_str_of(argv[1]));
    if (command == NULL) {
        fprintf(stderr, "nima: there is no command %s; see nima --help\n", argv[1]);
        return NIMA_EXIT_USAGE;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            nima_command_help(command);
            return NIMA_EXIT_DONE;
        }
    }
    if (command->run == nima_cmd_serve) {
        block_signals();
    }
    return command->run(argc - 2, argv + 2);
}
