/* `twill info`: this build and this machine; what it offers by name. */
#include <twill/conv.h>
#include <twill/machine.h>

#include "command.h"
#include "json_line.h"
#include "terminal.h"
#include "aligned_table.h"
#include "wording.h"

static const tw_option options[] = {
    {.name = NULL},
};

static void list_isas(void) {
    size_t count;
    const tw_machine_isa *isas = tw_machine_isas(&count);
    printf("\nInstruction sets\n");
    for (size_t i = 0; i < count; ++i)
        printf("  %-8s  %s\n", isas[i].name,
               isas[i].chosen ? "chosen"
               : isas[i].runs ? "runs here"
                              : "this machine lacks it");
}

static void list_algorithms(void) {
    size_t count;
    const char *const *names = tw_conv_algorithms(&count);
    printf("\nConvolution algorithms, in the order in which a plan asks them\n ");
    for (size_t i = 0; i < count; ++i) printf(" %s", names[i]);
    putchar('\n');
}

static void machine_json(void) {
    size_t count;
    tw_json_begin();
    tw_json_text("version", tw_version());
    tw_json_text("machine", tw_machine_describe());
    tw_json_integer("threads", tw_threads());
    tw_json_open_array("isas");
    const tw_machine_isa *isas = tw_machine_isas(&count);
    for (size_t i = 0; i < count; ++i)
        if (isas[i].runs) tw_json_text(NULL, isas[i].name);
    tw_json_close_array();
    tw_json_open_array("algorithms");
    const char *const *names = tw_conv_algorithms(&count);
    for (size_t i = 0; i < count; ++i) tw_json_text(NULL, names[i]);
    tw_json_close_array();
    tw_json_end();
}

static void machine(void) {
    printf("twill %s\n", tw_version());
    tw_words_wrap(stdout, tw_machine_describe(), 0, 0, tw_terminal_look(stdout).width);
    list_isas();
    list_algorithms();
}

static int run(const tw_arguments *arguments) {
    if (tw_arguments_given(arguments, "json"))
        machine_json();
    else
        machine();
    return TW_EXIT_DONE;
}

const tw_command tw_command_info = {
    .name = "info",
    .summary = "this build and machine",
    .usage = "[options]",
    .about = "Tells about this build and this machine.",
    .options = {options, tw_options_json},
    .run = run,
};
