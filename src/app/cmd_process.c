/* nima process: what the server starts to work on a file's content, apart from itself. */
#include "app/app.h"
#include "tasks/tasks.h"

int nima_cmd_process(int argc, char **argv)
{
    if (argc != 1) {
        return nima_command_usage("process");
    }
    nima_tasks_processor(nima_str_of(argv[0]));
}
